/**
 * Exports small checkpoints, and what methods make of them, as ONNX graphs, and computes with these in plain ONNX Runtime and by
 * transformers.js: logits must be those of moepress, and greedy tokens, with the caches that the graph keeps, too. Not part of the
 * test suite, for it takes some minutes.
 *
 *     node packages/moepress/scripts/onnx-exports.mjs <folder of checkpoints> [part of a name...]
 *     node packages/moepress/scripts/onnx-exports.mjs tiny
 *
 * Checkpoints are those that round-trips.mjs takes; `tiny` takes the embedded model and the result of each method. Prints a
 * table of the largest differences of logits as shares of the largest logit; exits with 1 if one is too large. What is refused by an
 * error with a code did not fail.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoModelForCausalLM, env, Tensor } from '@huggingface/transformers';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, PluginRegistry } from '@moepress/core';
import { writeOnnx } from '@moepress/export';
import { calibrate, Engine, ModelRunner, planCompression, portableGraph } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import { OnnxLoop } from '../../export/dist/onnx/onnx-loop.test.util.js';
import { findPlugins } from '../dist/src/methods/plugin-host.js';
import { goldenOf, one, sequencesOf } from './golden-checkpoints.mjs';

const methods = [
  ...['random', 'frequency', 'reap', 'expert-fisher', 'conmoe', 'fisher-moe', 'cd-moe', 'moe-to-dense'],
  ...['naee', 'stun', 'camera', 'hc-smoe', 'm-smoe', 'mone', 'layer-drop'],
];
/** The largest difference that fits each type, as a share of the largest logit; none for weights of 4 bits, which are others. */
const bounds = { fp32: 1e-5, fp16: 5e-3, q4: Number.POSITIVE_INFINITY };
const files = { fp32: 'model.onnx', fp16: 'model_fp16.onnx', q4: 'model_q4.onnx' };
const newTokens = 12;

env.allowRemoteModels = false;
env.localModelPath = '';

const [root, ...parts] = process.argv.slice(2);
if (!root) throw new Error('Give a folder of checkpoints, or tiny.');
const scratch = mkdtempSync(join(tmpdir(), 'onnx-exports-'));
const engine = new Engine(one);
let failed = 0;

async function* views() {
  if (root === 'tiny') {
    const model = await openModel(tinyModel.directory);
    const texts = Array.from({ length: 4 }, (_, s) =>
      Array.from({ length: 48 }, (_, i) => (s * 131 + i * 37 + 11) % model.config.vocabSize),
    );
    yield { name: 'tiny', view: model, ids: texts[0] };
    const registry = new PluginRegistry(findPlugins().bundled);
    const set = { source: 'every method', seed: 0, sequences: texts };
    for (const name of methods) {
      const method = await registry.find(name);
      const plan = await planCompression(engine, {
        model,
        method,
        options: { ratio: 0.25, seed: 0 },
        measure: (statistics) => calibrate(engine, { model, set, statistics }),
        calibration: async () => set,
      }).catch((error) => console.log(`| tiny, ${name} | ${error.code ?? error} |`));
      if (plan)
        yield { name: `tiny, ${name}`, view: applyPlan(model, plan), ids: texts[1], plan, base: model };
    }
    return;
  }
  const names = readdirSync(root)
    .filter((name) => goldenOf(join(root, name)) !== undefined)
    .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)));
  for (const name of names) {
    const [ids] = await sequencesOf(join(root, name));
    yield { name, view: await openModel(goldenOf(join(root, name)).checkpoint), ids };
  }
}

const share = (found, expected) => {
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const most = expected.reduce((worst, x, i) => Math.max(worst, Math.abs(x - found[i])), 0);
  return found.length === expected.length ? most / largest : Number.NaN;
};

async function ours(view, ids) {
  const runner = await ModelRunner.open(view, one);
  try {
    const [trace] = await runner.trace([ids]);
    const [greedy] = await runner.generate([ids], { maxNewTokens: newTokens, eosTokenIds: [] });
    return { logits: trace.logits.data, greedy };
  } finally {
    await runner.dispose();
  }
}

async function plainly(folder, type, ids) {
  const loop = await OnnxLoop.open(join(folder, 'onnx', files[type]));
  const { logits } = await loop.step([ids], [ids.map(() => 1)]);
  const greedy = await loop.greedy(ids, newTokens);
  await loop.close();
  return { logits, greedy };
}

async function byTransformersJs(folder, ids) {
  const model = await AutoModelForCausalLM.from_pretrained(folder, { local_files_only: true });
  const tensor = (values) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, ids.length]);
  const inputs = { input_ids: tensor(ids), attention_mask: tensor(ids.map(() => 1)) };
  const { logits } = await model(inputs);
  const settings = { max_new_tokens: newTokens, min_new_tokens: newTokens, do_sample: false };
  const all = await model.generate({ ...inputs, ...settings, eos_token_id: -1 });
  await model.dispose();
  return { logits: logits.data, greedy: [...all.data].slice(ids.length).map(Number) };
}

console.log('| model | type | ONNX Runtime | transformers.js | greedy tokens |\n|---|---|---|---|---|');
for await (const { name, view, ids, ...rest } of views()) {
  const expected = await ours(view, ids);
  for (const type of ['fp32', 'fp16', 'q4']) {
    const out = join(scratch, 'out');
    try {
      await writeOnnx(view, { type, graph: portableGraph(view, type) }, out, rest);
      const plain = await plainly(out, type, ids);
      const theirs = await byTransformersJs(out, ids);
      const [a, b] = [share(plain.logits, expected.logits), share(theirs.logits, plain.logits)];
      const isOurs = [plain, theirs].map(({ greedy }) => greedy.join() === expected.greedy.join());
      const isRight = a <= bounds[type] && b <= 1e-5 && (type !== 'fp32' || isOurs.every(Boolean));
      if (!isRight) failed++;
      const same = isOurs.every(Boolean) ? 'equal' : `others (${isOurs})`;
      console.log(
        `| ${name} | ${type} | ${a.toExponential(1)} | ${b.toExponential(1)} to plain | ${same}${isRight ? '' : ' FAILED'} |`,
      );
    } catch (error) {
      if (!error.code) failed++;
      console.log(`| ${name} | ${type} | ${error.code ?? error.stack} | | |`);
      if (error.code === 'CONFIG_UNSUPPORTED') break;
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  }
}
await engine.dispose();
rmSync(scratch, { recursive: true, force: true });
process.exit(failed > 0 ? 1 : 0);
