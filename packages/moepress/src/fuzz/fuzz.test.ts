import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { describeOutcome } from './outcome.test.util.js';
import { randomOf } from './random.test.util.js';
import { runTarget } from './run.test.util.js';
import { faulty } from './targets/faulty.test.util.js';
import { targets } from './targets/index.test.util.js';

/** Cases of targets that start a thread for each; others take a hundredth of the time. */
const few: Readonly<Record<string, number>> = { tokenizer: 3, parquet: 4, templates: 3 };

/** The short form of `npm run fuzz`: in this process, where nothing takes long. */
it.each(targets)('$name: whatever is read, only our own errors are thrown', async ({ name, prepare }) => {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-fuzz-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const run = await prepare(folder);
  for (let index = 0; index < (few[name] ?? 60); index++) {
    const outcome = await run(randomOf(name, 18, index)).then(() => ['ok'], describeOutcome);
    expect([index, ...outcome]).not.toContain('raw');
  }
});

it('sees every way to go wrong, and goes on after it', async () => {
  const kinds = ['raw', 'hang', 'memory', 'crash'] as const;
  const expected = Array.from({ length: 7 }, (_, i) => kinds[randomOf(faulty.name, 2, i).below(6)]);
  expect(new Set(expected)).toEqual(new Set([...kinds, undefined]));
  const { counts, faults } = await runTarget(
    { target: faulty.name, seed: 2, first: 0, count: expected.length },
    {
      working: 1500,
      waiting: 60_000,
    },
  );
  expect(faults.map(({ index, kind }) => [index, kind])).toEqual(
    expected.flatMap((kind, i) => (kind === undefined ? [] : [[i, kind]])),
  );
  expect(counts.ok).toBe(expected.filter((kind) => kind === undefined).length);
});
