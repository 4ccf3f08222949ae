/**
 * Compresses small checkpoints in every way, and compares what is written with what transformers makes of it. Not part
 * of the test suite: needs Python with torch, transformers and safetensors.
 *
 *     node packages/moepress/scripts/round-trips.mjs <python> <folder of checkpoints> [part of a name...] [--way name]
 *
 * A checkpoint is a folder with config.json and golden.safetensors, of which the token ids are taken, or one with a
 * folder bf16 and golden.bf16w.safetensors. Every written
 * folder must open here, and load strictly there with equal logits. Prints what differs and the counts; exits with 1
 * if anything differs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, moeBlocks, PluginRegistry } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { reap } from '@moepress/plugin-baselines';
import { calibrate, Engine, planCompression } from '@moepress/runtime';
import { findPlugins } from '../dist/src/methods/plugin-host.js';
import { goldenOf, logitsOf, one, sequencesOf } from './golden-checkpoints.mjs';
import { constants, fewerActive, globalReap, missingParts, pairs, shifted } from './plan-ways.mjs';

const ways = [
  { method: 'reap', layouts: ['compact'] },
  { method: 'conmoe', options: { scope: 2 }, layouts: ['compact', 'materialised'] },
  { method: 'fisher-moe', layouts: ['compact'] },
  { method: 'fisher-moe', options: { budget: 'model' }, layouts: ['compact', 'materialised'] },
  { method: 'moe-to-dense', layouts: ['compact', 'materialised'] },
  // Plans of their own, with the rest of a plan by the method.
  { method: 'reap', name: 'global reap', layers: globalReap, layouts: ['compact'] },
  { method: 'reap', name: 'fewer active', layers: fewerActive, layouts: ['compact'] },
  { method: 'reap', name: 'pairs', layers: pairs, layouts: ['compact'] },
  { method: 'reap', name: 'constants', layers: constants, layouts: ['compact'] },
  { method: 'reap', name: 'shifted', layers: shifted, layouts: ['compact', 'materialised'] },
  { method: 'reap', name: 'missing parts', layers: missingParts, layouts: ['compact'] },
];
const ratios = [0.25, 0.5];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { way: { type: 'string' } } });
const [python, root, ...parts] = positionals;
const wanted = ways.filter(({ method, name = method }) => (values.way ?? name) === name);
if (!root) throw new Error('Give a Python and a folder of checkpoints.');
const names = readdirSync(root)
  .filter((name) => goldenOf(join(root, name)) !== undefined)
  .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)));

const engine = new Engine(one);
const registry = new PluginRegistry(findPlugins().bundled);
const scratch = mkdtempSync(join(tmpdir(), 'round-trips-'));
const peer = spawn(python, [fileURLToPath(new URL('./round_trips.py', import.meta.url))], {
  stdio: ['pipe', 'pipe', 'inherit'],
  // Where it keeps copies of the code that compact folders bring.
  env: { ...process.env, HF_HOME: join(scratch, 'home') },
});
const answers = createInterface(peer.stdout)[Symbol.asyncIterator]();

/** What transformers says of a folder: `ok`, or what differs. */
async function ask(question) {
  peer.stdin.write(`${JSON.stringify(question)}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error('Python ended.');
  return value;
}

/** The verdict of each layout. */
async function roundTrips(model, sequences, { method, options, layers, layouts, ratio }) {
  const set = { source: 'round trips', seed: 0, sequences };
  let plan;
  try {
    plan = await planCompression(engine, {
      model,
      method: await registry.find(method),
      options: { ratio, ...options },
      measure: (statistics) => calibrate(engine, { model, set, statistics }),
      calibration: async () => set,
    });
    if (layers) {
      const evidence = await calibrate(engine, { model, set, statistics: reap.needs });
      plan = { ...plan, layers: layers(model, evidence, ratio) };
    }
  } catch (error) {
    return layouts.map(() => refusal(error));
  }
  const verdicts = [];
  for (const layout of layouts) verdicts.push(await roundTrip(model, sequences[0], plan, layout));
  return verdicts;
}

async function roundTrip(model, ids, plan, layout) {
  const out = join(scratch, 'out');
  try {
    await writeHuggingFace(applyPlan(model, plan), out, { layout, plan, base: model });
    writeFileSync(join(out, 'logits.f32'), await logitsOf(await openModel(out), ids));
    return await ask({ folder: out, ids });
  } catch (error) {
    return refusal(error);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const refusal = (error) =>
  error.code ? `refused: ${error.code}: ${error.message}` : `failed: ${error.stack}`;

const counts = {};
mkdirSync(scratch, { recursive: true });
for (const name of names) {
  const folder = join(root, name);
  const model = await openModel(goldenOf(folder).checkpoint).catch((error) => error);
  if (model instanceof Error || moeBlocks(model).length === 0) {
    const kind = model instanceof Error ? 'does not open' : 'has no experts';
    counts[kind] = (counts[kind] ?? 0) + 1;
    continue;
  }
  const sequences = await sequencesOf(folder);
  for (const way of wanted.flatMap((way) => ratios.map((ratio) => ({ ...way, ratio })))) {
    for (const [i, verdict] of (await roundTrips(model, sequences, way)).entries()) {
      const kind = verdict.startsWith('refused: RATIO_TOO_HIGH') ? 'ratio too high' : verdict.split(':')[0];
      counts[kind] = (counts[kind] ?? 0) + 1;
      const { method, name: of = method, options = {}, ratio, layouts } = way;
      if (kind !== 'ok' && kind !== 'no class' && kind !== 'ratio too high') {
        console.log(`${name} ${of} ${JSON.stringify(options)} ${ratio} ${layouts[i]}: ${verdict}`);
      }
    }
  }
}
peer.stdin.end();
await once(peer, 'close');
await engine.dispose();
rmSync(scratch, { recursive: true, force: true });
console.log(JSON.stringify(counts));
process.exitCode = counts.differs || counts.failed || counts.refused ? 1 : 0;
