import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { openModel } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import { gigabytes } from '../flops.js';
import { planOf, plans } from '../plans.js';
import { type Ran, run } from '../real/child.js';
import { inScratch, moepress } from '../real/moepress.js';

/**
 * `moepress apply` beside `cp` of what it wrote, in turns: the whole command, from its start to its exit. Both find
 * what they read in memory and a disk that is at rest; `apply` flushes what it writes and `cp` does not, so `cp`
 * is timed with a flush after it as well. Figures are medians of the rounds, ratios those of the ratios of each round,
 * with the least and the most. Throws `INPUT_INVALID` for a plan that is not known.
 */
export async function applySuite(
  args: readonly string[],
  checkpointOf: (layers: number) => Promise<string>,
): Promise<void> {
  const { names, layers, rounds } = parseArguments(args);
  const directory = await checkpointOf(layers);
  const model = await openModel(directory);
  console.log(`apply on ${layers} layers, in turns with cp of what it wrote, ${rounds} rounds`);
  await inScratch(dirname(directory), async (folder) => {
    const plan = join(folder, 'plan.json');
    for (const name of names) {
      await writeFile(plan, JSON.stringify(planOf(model, plans[name]!)));
      console.log(`  ${name}: ${await compared({ plan, model: directory, folder, rounds })}`);
    }
  });
}

/** Plans, and how often of a checkpoint of how many layers. Throws `INPUT_INVALID`. */
function parseArguments(args: readonly string[]): { names: string[]; layers: number; rounds: number } {
  const options = {
    layers: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
  } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [layers, rounds] = [Number(values.layers), Number(values.rounds)];
  const names =
    positionals.length === 0 ? Object.keys(plans) : positionals.flatMap((list) => list.split(','));
  const unknown = names.find((name) => !(name in plans));
  const wrong = unknown ?? [values.layers, values.rounds].find((count) => !/^[1-9]\d*$/.test(count));
  if (wrong === undefined) return { names, layers, rounds };
  throw new MoepressError('INPUT_INVALID', {
    message: unknown === undefined ? `"${wrong}" is not a count.` : `There is no plan "${wrong}" to measure.`,
    where: wrong,
    hint: `Pick from ${Object.keys(plans).join(', ')}; \`--layers\` and \`--rounds\` are whole numbers above 0.`,
  });
}

interface Round {
  readonly apply: Ran;
  readonly cp: Ran;
  /** Seconds that flushing takes after `cp`. */
  readonly flush: number;
}

interface Compared {
  readonly plan: string;
  readonly model: string;
  readonly folder: string;
  readonly rounds: number;
}

async function compared({ plan, model, folder, rounds }: Compared): Promise<string> {
  const [original, copy] = [join(folder, 'original'), join(folder, 'copy')];
  const apply = (out: string) => done(moepress(['apply', plan, model, '--out', out], folder));
  const results: Round[] = [];
  try {
    await apply(original);
    for (let round = 0; round < rounds; round++) {
      const applied = await apart(copy, () => apply(copy));
      const copied = await apart(copy, async () => ({
        cp: await done(run('cp', ['-r', original, copy])),
        flush: (await done(run('sync', await filesIn(copy)))).seconds,
      }));
      results.push({ apply: applied, ...copied });
    }
    return told(await sizeOf(original), results);
  } finally {
    await rm(original, { recursive: true, force: true });
  }
}

/** Throws unless a program did its work. */
async function done(running: Promise<Ran>): Promise<Ran> {
  const ran = await running;
  if (ran.outcome !== 'done') throw new Error(`It ended with "${ran.outcome}": ${ran.complaint}`);
  return ran;
}

/** Runs what writes to `out` while nothing else is being written, and removes what it wrote. */
async function apart<T>(out: string, write: () => Promise<T>): Promise<T> {
  await done(run('sync', []));
  try {
    return await write();
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

function told(bytes: number, results: readonly Round[]): string {
  const seconds = (of: (round: Round) => number) => `${spread(results.map(of))} s`;
  const ratio = (of: (round: Round) => number) =>
    spread(results.map((round) => of(round) / round.apply.seconds));
  const peak = Math.max(...results.map(({ apply }) => apply.anonymous));
  return [
    `${gigabytes(bytes)} in ${seconds(({ apply }) => apply.seconds)}, flushed`,
    `cp in ${seconds(({ cp }) => cp.seconds)}, flushed in ${seconds(({ cp, flush }) => cp.seconds + flush)}`,
    `${ratio(({ cp }) => cp.seconds)} of cp's speed, ${ratio(({ cp, flush }) => cp.seconds + flush)} where both are flushed`,
    `processors ${seconds(({ apply }) => apply.cpu)} and ${seconds(({ cp }) => cp.cpu)}`,
    `peak ${(peak / 1e6).toFixed(0)} MB anonymous memory`,
  ].join(';\n    ');
}

/** The median, and the least and the most. */
function spread(values: readonly number[]): string {
  const [least, middle, most] = [Math.min(...values), median(values), Math.max(...values)];
  return `${middle.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

const filesIn = async (folder: string) => (await readdir(folder)).map((name) => join(folder, name));

async function sizeOf(folder: string): Promise<number> {
  const sizes = await Promise.all((await filesIn(folder)).map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
