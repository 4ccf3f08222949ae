import type { Model } from '@moepress/core';
import { walks } from '../flops.js';
import { commit } from '../real/machine.js';
import { type Limits, limitOf, machineLimits } from './machine-limits.js';
import { type MeasuredRow, shortened, tokensOf } from './measured-rows.js';
import type { Peer } from './peer-sides.js';
import type { ShortForm } from './peers-options.js';
import type { Absent, RowResult, SideResult } from './row-result.js';
import type { Question, Settings, Side, Took } from './side.js';
import { fastestSettings } from './tried-settings.js';

/** A checkpoint and who is asked about it. */
export interface Table {
  readonly shape: string;
  readonly layers: number;
  readonly model: Model;
  readonly ours: Side;
  readonly peers: readonly Peer[];
  readonly limits: Limits;
  readonly rounds: number;
  readonly short: ShortForm;
}

/**
 * One row: all sides answer the same question in turns, round by round, so that those of a round are minutes apart at most.
 * The machine's limits are measured again behind them: the better ones count. The first round, in which memory is touched and weights are read for the first time, does not count.
 */
export async function measureRow(named: MeasuredRow, table: Table): Promise<RowResult> {
  const { shape, layers, model, ours, peers, limits, rounds, short } = table;
  const { row, title } = shortened(named, short);
  const question: Question = {
    work: row.work,
    prompts: walks(model, row.sequences, row.length),
    tokens: row.tokens,
  };
  const absent: Absent[] = [];
  const present: { readonly name: string; readonly side: Side; readonly settings: Settings | undefined }[] = [
    { name: 'moepress', side: ours, settings: undefined },
  ];
  for (const peer of peers) {
    if ('missing' in peer) {
      absent.push(peer);
      continue;
    }
    try {
      const settings = await fastestSettings(peer, question, `${shape} ${layers} ${row.name}`);
      const { seconds } = await peer.side.ask({ ...question, settings });
      console.log(`    ${peer.name}, the first time: ${seconds.toFixed(2)} s`);
      present.push({ name: peer.name, side: peer.side, settings });
    } catch (error) {
      absent.push({ name: peer.name, missing: (error as Error).message });
    }
  }
  const { seconds } = await ours.ask(question);
  console.log(`    moepress, the first time: ${seconds.toFixed(2)} s`);
  const took = present.map((): Took[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { side, settings }] of present.entries())
      took[i]!.push(await side.ask({ ...question, settings }));
  }
  const [own, ...others] = present.map(
    ({ name, settings }, i): SideResult => ({
      name,
      seconds: took[i]!.map(({ seconds }) => seconds),
      anonymous: Math.max(...took[i]!.map(({ anonymous }) => anonymous)),
      settings:
        settings &&
        Object.values(settings)
          .filter((value) => typeof value === 'string')
          .join(', '),
    }),
  );
  return {
    ...{ shape, layers, row: title, amount: tokensOf(row), unit: row.unit },
    ours: own!,
    peers: [...others, ...absent],
    limit: Math.max(limitOf(row, model, limits), limitOf(row, model, await machineLimits())),
    date: new Date().toISOString(),
    commit: commit(),
  };
}
