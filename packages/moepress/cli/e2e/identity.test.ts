import {
  copyFileSync,
  cpSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createRng, type Rng } from '@moepress/core';
import { tinyModel } from '@moepress/tiny';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

/** What a command did, by the names of its tasks. */
const tasksOf = (stderr: string) =>
  stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .flatMap((event) => (event.type === 'start' ? [event.task as string] : []));

const kinds = ['in place with the old time', 'by copying with the old time'] as const;

/** Changes one random byte of the weights. */
function editWeights(file: string, kind: (typeof kinds)[number], rng: Rng): void {
  const { atime, mtime, size } = statSync(file);
  const target = kind.startsWith('by copying') ? `${file}.copy` : file;
  if (target !== file) copyFileSync(file, target);
  const handle = openSync(target, 'r+');
  const start = Buffer.alloc(8);
  readSync(handle, start, 0, 8, 0);
  const header = 8 + Number(start.readBigUInt64LE());
  const at = header + Math.floor(rng.next() * (size - header));
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, at);
  // The lowest bits of a number: weights stay finite.
  byte[0]! ^= 1;
  writeSync(handle, byte, 0, 1, at);
  if (target !== file) renameSync(target, file);
  if (kind.endsWith('old time')) utimesSync(file, atime, mtime);
}

describe('a changed byte of the weights', () => {
  it('makes every stored score and measurement that of another model', () =>
    inTemporaryFolder(async (folder) => {
      const model = join(folder, 'model');
      cpSync(tinyModel.directory, model, { recursive: true });
      const env = { MOEPRESS_CACHE: join(folder, 'cache') };
      const calibration = ['--calibration', join(tinyModel.directory, 'heldout.txt:2x32')];
      const commands = [
        ['eval', model, '--tasks', 'tiny_facts', '--limit', '2', '--json'],
        [
          'compress',
          model,
          '--method',
          'frequency',
          '--ratio',
          '0.25',
          '--plan-only',
          '--json',
          ...calibration,
        ],
      ];
      const run = async () => {
        const outcomes = [];
        for (const command of commands) outcomes.push(await moepress(command, { env }));
        expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
        const [evaluated, compressed] = outcomes.map(({ stderr }) => tasksOf(stderr));
        const { base } = JSON.parse(outcomes[1]!.stdout);
        return {
          hashed: [evaluated, compressed].map((tasks) => tasks!.includes('Hashing weights')),
          computed: [evaluated!.includes('Scoring'), compressed!.includes('Calibrating')],
          weights: base.weights as string,
        };
      };
      const first = await run();
      expect(first).toMatchObject({ hashed: [true, false], computed: [true, true] });
      const again = await run();
      expect(again).toEqual({ ...first, hashed: [false, false], computed: [false, false] });
      const rng = createRng(4);
      const seen = new Set([first.weights]);
      for (const kind of kinds) {
        editWeights(join(model, 'model.safetensors'), kind, rng);
        const edited = await run();
        expect(edited).toMatchObject({ hashed: [true, false], computed: [true, true] });
        seen.add(edited.weights);
      }
      expect(seen.size).toBe(1 + kinds.length);
    }));
});
