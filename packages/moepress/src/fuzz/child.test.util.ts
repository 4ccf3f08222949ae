/** Runs cases of one target, one after the other, and tells of each when it begins and how it ended. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOutcome } from './outcome.test.util.js';
import { randomOf } from './random.test.util.js';
import { faulty } from './targets/faulty.test.util.js';
import { targets } from './targets/index.test.util.js';

/** What a child is told to do. */
export interface Order {
  readonly target: string;
  readonly seed: number;
  readonly cases: readonly number[];
}

/** What a child tells. */
export type Told =
  | { readonly began: number }
  /** `peak`: bytes of the process, the most there ever were. */
  | { readonly ended: number; readonly outcome: string; readonly detail: string; readonly peak: number }
  /** It would rather have another one go on. */
  | { readonly tired: true };

/** Bytes beyond which what earlier cases left would count for later ones. */
const restless = 250 * 2 ** 20;

const tell = (told: Told) => process.send!(told);

process.once('message', async ({ target: name, seed, cases }: Order) => {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-fuzz-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const run = await [...targets, faulty].find((target) => target.name === name)!.prepare(folder);
  for (const index of cases) {
    tell({ began: index });
    const [outcome, detail] = await run(randomOf(name, seed, index)).then(() => ['ok', ''], describeOutcome);
    // Lets crashes of promises that nobody holds come to light under the number of their case.
    await new Promise((done) => setImmediate(done));
    tell({ ended: index, outcome: outcome!, detail: detail!, peak: process.resourceUsage().maxRSS * 1024 });
    if (process.memoryUsage.rss() < restless) continue;
    globalThis.gc?.();
    if (process.memoryUsage.rss() < restless) continue;
    tell({ tired: true });
    break;
  }
  process.disconnect();
});
