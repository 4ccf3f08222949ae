import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arrayEntry, openModel, writeSafetensors } from '@moepress/checkpoint';
import {
  applyPlan,
  type CalibrationSet,
  createRng,
  encodeChannels,
  type Model,
  moeBlocks,
} from '@moepress/core';
import { toyPlan } from '@moepress/core/testing';
import { toyValues } from './tensors.js';
import { toyKinds } from './toy-kinds.js';

/** `ragged` is `plain` with experts of different widths, as a plan leaves them. */
export type ToyName = keyof typeof toyKinds | 'ragged';

export const toyNames: readonly ToyName[] = [
  ...(Object.keys(toyKinds) as (keyof typeof toyKinds)[]),
  'ragged',
];

let root: string | undefined;

/** A folder that goes with the process. */
export function temporaryFolder(name: string): string {
  if (root === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'moepress-testkit-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    root = made;
  }
  return join(root, name);
}

const opened = new Map<ToyName, Promise<Model>>();

/**
 * A toy model, small enough that running it takes milliseconds: a checkpoint in a temporary folder, always with the same
 * weights, whose hidden size is 16 and whose vocabulary has 48 tokens.
 */
export function openToy(name: ToyName): Promise<Model> {
  const known = opened.get(name) ?? (name === 'ragged' ? openRagged() : writeToy(name));
  opened.set(name, known);
  return known;
}

async function writeToy(name: keyof typeof toyKinds): Promise<Model> {
  const { config, tensors } = toyKinds[name];
  const folder = temporaryFolder(name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config, null, 2));
  const entries = Object.entries(tensors).map(([tensor, shape]) =>
    arrayEntry(tensor, 'F32', shape, toyValues(tensor, shape)),
  );
  await writeSafetensors(join(folder, 'model.safetensors'), entries);
  return { ...(await openModel(folder)), id: `toy-${name}` };
}

async function openRagged(): Promise<Model> {
  const base = await openToy('plain');
  const layers = moeBlocks(base).map(({ index, ffn }) => ({
    layer: index,
    ops: [
      {
        op: 'keep-channels' as const,
        channels: ffn.pool.map(({ width }, expert) =>
          encodeChannels([...Array(width - ((expert + index) % 4)).keys()], width),
        ),
      },
    ],
  }));
  return { ...applyPlan(base, toyPlan(base, layers)), id: 'toy-ragged' };
}

/** Tokens to measure toys on: sequences of different lengths. */
export const toyTexts: CalibrationSet = {
  source: 'testkit',
  seed: 0,
  sequences: [21, 9, 16, 3].map((length, row) => {
    const rng = createRng(row + 1);
    return Array.from({ length }, () => 3 + Math.floor(rng.next() * 45));
  }),
};
