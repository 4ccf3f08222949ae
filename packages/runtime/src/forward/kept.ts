import type { Block } from '@moepress/core';
import { valueDimOf } from '../decoder/attention/heads.js';
import type { Engine } from '../engine/engine.js';
import type { Append } from '../engine/protocol.js';
import type { SharedPast } from './past.js';
import type { Run } from './runs.js';

/**
 * Keys and values that a worker keeps from one run to those after it: of one block at a time, since all runs go
 * through a block before the next one is begun.
 */
const [key, value] = ['score/kept/key', 'score/kept/value'] as const;

/** What a run with tokens before it is fed. */
export const keptPast: SharedPast = { key: { cache: key }, value: { cache: value } };

/** Puts the keys and values of a run's tokens behind those before it. */
export function keptRows({ layout, prefix }: Run): Append[] {
  const parts = [{ sequence: 0, start: prefix, rows: layout.rows }];
  return [
    { output: 'ownKey', cache: key, headsFirst: true, parts },
    { output: 'ownValue', cache: value, headsFirst: true, parts },
  ];
}

/** Makes room for those of a block, of which there are none yet. */
export async function openKept(engine: Engine, { attention }: Block): Promise<void> {
  const { kvHeads, headDim } = attention;
  const valueDim = valueDimOf(attention);
  for (const worker of engine.workers) {
    await worker.cache(key, { sequences: null, kvHeads, headDim });
    await worker.cache(value, { sequences: null, kvHeads, headDim: valueDim });
  }
}

export async function closeKept(engine: Engine): Promise<void> {
  await Promise.all(engine.workers.map((worker) => worker.drop([key, value])));
}
