/**
 * Compresses small checkpoints by every installed method, and trains what two refiners can. What a method makes must be
 * written, open again and give the logits of the plan's view; training must change logits, and leave them finite. Not part
 * of the test suite, for it takes some minutes.
 *
 *     node packages/moepress/scripts/every-method.mjs <folder of checkpoints> [part of a name...]
 *
 * Checkpoints are those that round-trips.mjs takes. Prints a table of what each method did; exits with 1 if anything
 * failed. What is refused by an error with a code did not fail.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, moeBlocks, PluginRegistry, parseOptions } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { calibrate, Engine, planCompression, refineModel } from '@moepress/runtime';
import { findPlugins } from '../dist/src/methods/plugin-host.js';
import { goldenOf, logitsOf, one, sequencesOf } from './golden-checkpoints.mjs';

const methods = [
  'random',
  'frequency',
  'reap',
  'expert-fisher',
  'conmoe',
  'fisher-moe',
  'cd-moe',
  'moe-to-dense',
];
/** The method whose plan each trains, and steps large enough to show in weights of BF16. */
const refiners = {
  'cd-moe': {
    method: 'cd-moe',
    options: { languageEpochs: 4, learningRate: 0.01, sequencesPerStep: 1 },
  },
  distil: { method: 'reap', options: {} },
};

const [root, ...parts] = process.argv.slice(2);
if (!root) throw new Error('Give a folder of checkpoints.');
const names = readdirSync(root)
  .filter((name) => goldenOf(join(root, name)) !== undefined)
  .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)));

const engine = new Engine(one);
const registry = new PluginRegistry(findPlugins().bundled);
const scratch = mkdtempSync(join(tmpdir(), 'every-method-'));

/** What is told of work that throws: the code of an error that the user is to see. */
const outcome = async (use) => {
  try {
    return (await use()) ?? 'ok';
  } catch (error) {
    if (error.code) return error.code;
    console.error(error);
    return 'failed';
  }
};

async function planOf(model, sequences, method) {
  const set = { source: 'every method', seed: 0, sequences };
  return planCompression(engine, {
    model,
    method: await registry.find(method),
    options: { ratio: 0.25, seed: 0 },
    measure: (statistics) => calibrate(engine, { model, set, statistics }),
    calibration: async () => set,
  });
}

async function written(model, ids, plan) {
  const out = join(scratch, 'out');
  try {
    const view = applyPlan(model, plan);
    await writeHuggingFace(view, out, { layout: 'compact', plan, base: model });
    const [expected, found] = [await logitsOf(view, ids), await logitsOf(await openModel(out), ids)];
    const most = expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - found[i])), 0);
    return most < 1e-4 ? 'ok' : 'failed';
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

async function refined(model, sequences, name) {
  const { method, options } = refiners[name];
  const plan = await planOf(model, sequences, method);
  if (plan.layers.length === 0) return 'nothing to train';
  const refiner = await registry.findRefiner(name);
  const student = applyPlan(model, plan);
  const { view } = await refineModel({
    student,
    teacher: model,
    refiner,
    options: parseOptions(refiner.refiner, { ...options, seed: 0 }),
    sequences: sequences.map((ids) => ({ ids, from: 1 })),
    validation: [],
    folder: join(scratch, 'runs'),
    ...one,
  });
  const [before, after] = [await logitsOf(student, sequences[0]), await logitsOf(view, sequences[0])];
  const learned = after.every(Number.isFinite) && after.some((value, i) => value !== before[i]);
  return learned ? 'ok' : 'failed';
}

const columns = [...methods, ...Object.keys(refiners).map((name) => `${name} (refiner)`)];
console.log(`| family | ${columns.join(' | ')} |\n|---|${columns.map(() => '---|').join('')}`);
let failed = 0;
for (const name of names) {
  const model = await openModel(goldenOf(join(root, name)).checkpoint);
  if (moeBlocks(model).length === 0) continue;
  const sequences = await sequencesOf(join(root, name));
  const row = [];
  for (const method of methods) {
    row.push(await outcome(async () => written(model, sequences[0], await planOf(model, sequences, method))));
  }
  for (const refiner of Object.keys(refiners)) {
    row.push(await outcome(() => refined(model, sequences, refiner)));
  }
  failed += row.filter((cell) => cell === 'failed').length;
  console.log(`| ${name} | ${row.join(' | ')} |`);
}
await engine.dispose();
rmSync(scratch, { recursive: true, force: true });
process.exitCode = failed > 0 ? 1 : 0;
