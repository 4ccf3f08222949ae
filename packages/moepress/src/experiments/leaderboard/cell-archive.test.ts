import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cell, cellFile, newCell, variantFolder } from './cell.js';
import { packCell, unpackCell } from './cell-archive.js';

const variant = 'ab'.repeat(32);
const folder = variantFolder(variant);
const cell = newCell({
  variant,
  model: 'tiny',
  revision: null,
  method: 'random',
  ratio: 0.5,
  calibration: null,
  seed: 0,
  removed: { routed: 0.5, whole: 0.4 },
  parameters: 10,
  bytes: 20,
  throughput: { tokensPerSecond: 5, error: null, machine: 'abacus, 1 thread' },
  scores: { a: { 'acc,none': 0.5 } },
  plan: join(folder, 'plan.json'),
  results: join(folder, 'm/results_1.json'),
  samples: { a: join(folder, 'm/samples_a_1.jsonl') },
});

let [here, there] = ['', ''];
beforeEach(() => {
  [here, there] = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'moepress-parcel-'))) as [string, string];
  for (const path of [cell.plan!, cell.results, cell.samples.a!]) {
    mkdirSync(dirname(join(here, path)), { recursive: true });
    writeFileSync(join(here, path), `text of ${path}`);
  }
});
afterEach(() => {
  for (const out of [here, there]) rmSync(out, { recursive: true });
});

const unpack = (parcel: Uint8Array) =>
  unpackCell(there, join(there, cellFile(variant, 'questions')), variant, parcel);
const parcelOf = (content: unknown) => gzipSync(JSON.stringify(content));

describe('a parcel', () => {
  it('takes a cell and its files to another machine', async () => {
    expect(await unpack(await packCell(here, cell))).toEqual(cell);
    for (const path of [cell.plan!, cell.results, cell.samples.a!]) {
      expect(readFileSync(join(there, path), 'utf8')).toBe(`text of ${path}`);
    }
    // What is there stays.
    const other = { ...cell, model: 'other' };
    expect(await unpack(await packCell(here, other))).toEqual(cell);
  });

  it.each<[string, (whole: { cell: Cell; files: Record<string, string> }) => unknown]>([
    ['of another variant', ({ cell: own, files }) => ({ cell: { ...own, variant: 'cd' }, files })],
    ['without a file', ({ cell: own }) => ({ cell: own, files: {} })],
    ['of nothing', () => ({})],
    [
      'with a path out of the folder',
      ({ cell: own, files }) => ({
        cell: { ...own, plan: join(folder, '../../evil') },
        files: { ...files, [join(folder, '../../evil')]: 'x' },
      }),
    ],
    [
      'with a link that is a script',
      ({ cell: own, files }) => ({
        cell: { ...own, results: `javascript:alert(1)//../${folder}/x` },
        files: { ...files, [`javascript:alert(1)//../${folder}/x`]: 'x' },
      }),
    ],
    [
      'with a path that goes up and down again',
      ({ cell: own, files }) => ({
        cell: { ...own, results: `${folder}/../${folder}/evil` },
        files: { ...files, [`${folder}/../${folder}/evil`]: 'x' },
      }),
    ],
    [
      'with an absolute path',
      ({ cell: own, files }) => ({ cell: { ...own, plan: '/evil' }, files: { ...files, '/evil': 'x' } }),
    ],
  ])('%s is refused, and no cell is left', async (_, spoil) => {
    const files = Object.fromEntries([cell.plan!, cell.results, cell.samples.a!].map((path) => [path, 'x']));
    await expect(unpack(parcelOf(spoil({ cell, files })))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    const left = readdirSync(there, { recursive: true }) as string[];
    expect(left.filter((name) => /cell|evil/.test(name))).toEqual([]);
  });

  it('that is no archive is refused', async () => {
    await expect(unpack(Buffer.from('text'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
