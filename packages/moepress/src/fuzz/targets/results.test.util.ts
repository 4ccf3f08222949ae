import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { compareSamples, loadGroups, loadSamples, renderComparisons } from '@moepress/harness';
import { sampleText } from '../../../cli/text/sample-text.js';
import { pageOf } from '../../experiments/leaderboard/board.test.util.js';
import { type Cell, cellFile, newCell, readCell, variantFolder } from '../../experiments/leaderboard/cell.js';
import { unpackCell } from '../../experiments/leaderboard/cell-archive.js';
import { leaderboardMarkdown } from '../../experiments/leaderboard/markdown.js';
import { leaderboardPage } from '../../experiments/leaderboard/page.js';
import { findResults } from '../../results/results.js';
import { mutateBytes } from '../bytes.test.util.js';
import { mutateJson, render } from '../json.test.util.js';
import type { Target } from '../target.test.util.js';

const sample = (id: number) => ({
  doc_id: id,
  doc: { question: 'Q' },
  target: '1',
  arguments: { gen_args_0: { arg_0: 'Q', arg_1: ' a' }, gen_args_1: { arg_0: 'Q', arg_1: ' b' } },
  resps: [[['-1.5', 'False']], [['-0.5', 'True']]],
  filtered_resps: [
    ['-1.5', 'False'],
    ['-0.5', 'True'],
  ],
  filter: 'none',
  metrics: ['acc'],
  doc_hash: 'a'.repeat(64),
  prompt_hash: 'b'.repeat(64),
  target_hash: 'c'.repeat(64),
  acc: id % 2,
});

const record = { configs: { arc_easy: { task: 'arc_easy' } }, group_subtasks: { group: ['arc_easy'] } };

export const results: Target = {
  name: 'results',
  async prepare(folder) {
    const file = join(folder, 'results_1.json');
    const lines = join(folder, 'samples_arc_easy_1.jsonl');
    return async (random) => {
      const samples = [0, 1, 2, 3].map(sample);
      writeFileSync(file, render(random.chance(0.3) ? mutateJson(record, random) : record, random));
      writeFileSync(
        lines,
        samples.map((one) => render(random.chance(0.5) ? mutateJson(one, random) : one, random)).join('\n'),
      );
      const loaded = await loadSamples(await findResults(folder));
      const shown = Object.entries(loaded).flatMap(([task, all]) => all.map((one) => sampleText(task, one)));
      const groups = await loadGroups(file);
      return [shown, renderComparisons(compareSamples(loaded, loaded, { groups, resamples: 10 }))];
    };
  },
};

const variant = 'ab'.repeat(32);
const folderOf = variantFolder(variant);
const cell = newCell({
  variant,
  model: 'tiny',
  revision: null,
  method: 'random',
  ratio: 0.5,
  calibration: 'tiny',
  seed: 0,
  removed: { routed: 0.5, whole: 0.4 },
  parameters: 10,
  bytes: 20,
  throughput: { tokensPerSecond: 5, error: 1, machine: 'abacus' },
  scores: { arc_easy: { 'acc,none': 0.5 } },
  plan: `${folderOf}/plan.json`,
  results: `${folderOf}/m/results_1.json`,
  samples: { arc_easy: `${folderOf}/m/samples_arc_easy_1.jsonl` },
});

async function show(read: Cell | null): Promise<unknown> {
  if (read === null) return null;
  const content = pageOf([read]);
  return [leaderboardMarkdown('Board', content.rows, content.metrics), await leaderboardPage(content)];
}

export const cells: Target = {
  name: 'cells',
  async prepare(folder) {
    const file = join(folder, cellFile(variant, 'questions'));
    mkdirSync(dirname(file), { recursive: true });
    return async (random) => {
      const text = render(mutateJson(cell, random), random);
      writeFileSync(file, random.chance(0.1) ? mutateBytes(Buffer.from(text), random) : text);
      return show(await readCell(file, variant));
    };
  },
};

export const parcels: Target = {
  name: 'parcels',
  async prepare(folder) {
    const files = Object.fromEntries(
      [cell.plan!, cell.results, ...Object.values(cell.samples)].map((path) => [path, 'text']),
    );
    let count = 0;
    return async (random) => {
      const text = render(mutateJson({ cell, files }, random), random);
      const long = random.chance(0.01) ? text + ' '.repeat(150_000_000) : text;
      const packed = gzipSync(long, { level: 1 });
      const parcel = random.chance(0.2) ? mutateBytes(packed, random) : packed;
      const out = join(folder, String(count++));
      return show(await unpackCell(out, join(out, cellFile(variant, 'questions')), variant, parcel));
    };
  },
};
