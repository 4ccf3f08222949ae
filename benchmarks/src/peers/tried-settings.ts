import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { benchFolder } from '../real/moepress.js';
import type { Peer } from './peer-sides.js';
import type { Question, Settings, Side } from './side.js';

type Present = Extract<Peer, { readonly side: unknown }>;

/** Times the best so far. */
const hopeless = 3;

const file = join(benchFolder, 'peer-settings.json');

/** A way that was tried, and what it took; `null`: it could not do the row. */
interface Tried {
  readonly settings: Settings;
  readonly seconds: number | null;
}

/**
 * The settings of a peer that are fastest for a row, found by trying each twice, of which the first warms up. What was tried is
 * kept in the folder of the benchmarks under `key`, so that it is not tried again. Undefined: it has no settings. Throws an error
 * if it can do the row with none of them.
 */
export async function fastestSettings(
  { name, side, settings }: Present,
  question: Question,
  key: string,
): Promise<Settings | undefined> {
  if (settings.length === 0) return undefined;
  const own = `${name}, ${key}`;
  const tried: Tried[] = [...((await readKnown())[own] ?? [])];
  let failure: unknown = new Error('It can do this in none of its ways.');
  for (const one of settings.filter((each) => isWorthTrying(each, question))) {
    if (tried.some((other) => JSON.stringify(other.settings) === JSON.stringify(one))) continue;
    if (isHopeless(one.dtype, tried)) continue;
    let seconds: number | null = null;
    try {
      seconds = await timed(side, { ...question, settings: one }, tried);
      console.log(`    ${name}: ${JSON.stringify(one)} ${seconds.toFixed(2)} s`);
    } catch (error) {
      failure = error;
    }
    tried.push({ settings: one, seconds });
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify({ ...(await readKnown()), [own]: tried }, null, 2));
  }
  const able = tried.filter(({ seconds }) => seconds !== null);
  if (able.length === 0) throw failure;
  return able.reduce((best, next) => (next.seconds! < best.seconds! ? next : best)).settings;
}

async function timed(side: Side, question: Question, tried: readonly Tried[]): Promise<number> {
  const first = await side.ask(question);
  const best = Math.min(...tried.map(({ seconds }) => seconds ?? Number.POSITIVE_INFINITY));
  // What takes so much longer is not the fastest when it is warm either.
  return first.seconds > hopeless * best ? first.seconds : (await side.ask(question)).seconds;
}

/** Whether all that was tried with a type of numbers took many times as long as with another one. */
function isHopeless(dtype: unknown, tried: readonly Tried[]): boolean {
  const best = Math.min(...tried.map(({ seconds }) => seconds ?? Number.POSITIVE_INFINITY));
  const own = tried.filter(({ settings }) => settings.dtype === dtype);
  return (
    own.length > 0 && own.every(({ seconds }) => (seconds ?? Number.POSITIVE_INFINITY) > hopeless * best)
  );
}

/** `batched_mm` copies the weights of each token's experts, which many tokens have no memory for; one sequence is always alone. */
function isWorthTrying({ experts, together }: Settings, { work, prompts = [] }: Question): boolean {
  const rows = work === 'decode' ? prompts.length : Number.POSITIVE_INFINITY;
  if (experts === 'batched_mm' && rows > 8) return false;
  if (work === 'backward') return together === false;
  return prompts.length === 1 || work === 'decode' ? together === true : true;
}

async function readKnown(): Promise<Record<string, Tried[]>> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
