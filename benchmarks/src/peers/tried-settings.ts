import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { benchFolder } from '../real/moepress.js';
import type { Peer } from './peer-sides.js';
import type { Question, Settings } from './side.js';

type Present = Extract<Peer, { readonly side: unknown }>;

const file = join(benchFolder, 'peer-settings.json');

/**
 * The settings of a peer that are fastest for a row, found by trying each twice, of which the first warms up. They are kept
 * in the folder of the benchmarks under `key`. Undefined: it has none. Throws an error if it can do the row with none of them.
 */
export async function fastestSettings(
  { name, side, settings }: Present,
  question: Question,
  key: string,
): Promise<Settings | undefined> {
  if (settings.length === 0) return undefined;
  const known = await readKnown();
  const own = `${name}, ${key}`;
  const found = known[own];
  if (found) return found;
  const tried: { readonly one: Settings; readonly seconds: number }[] = [];
  let failure: unknown;
  for (const one of settings.filter((each) => isWorthTrying(each, question))) {
    try {
      await side.ask({ ...question, settings: one });
      const { seconds } = await side.ask({ ...question, settings: one });
      tried.push({ one, seconds });
      console.log(`    ${name}: ${JSON.stringify(one)} ${seconds.toFixed(2)} s`);
    } catch (error) {
      failure = error;
    }
  }
  if (tried.length === 0) throw failure;
  const { one } = tried.reduce((best, next) => (next.seconds < best.seconds ? next : best));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify({ ...(await readKnown()), [own]: one }, null, 2));
  return one;
}

/** `batched_mm` copies the weights of each token's experts, which many tokens have no memory for; one sequence is always alone. */
function isWorthTrying({ experts, together }: Settings, { work, prompts = [] }: Question): boolean {
  const rows = work === 'decode' ? prompts.length : Number.POSITIVE_INFINITY;
  if (experts === 'batched_mm' && rows > 8) return false;
  if (work === 'backward') return together === false;
  return prompts.length === 1 || work === 'decode' ? together === true : true;
}

async function readKnown(): Promise<Record<string, Settings>> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
