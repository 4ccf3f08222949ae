/**
 * Loads every task of a folder of lm-evaluation-harness, and compares the requests of some with those that
 * lm-evaluation-harness itself makes. Not part of the test suite: needs Python with lm_eval 0.4.13, and a build.
 *
 *     node harness/scripts/task-parity.mjs <python> <folder of tasks> [seed] [count]
 *
 * Prints the table of docs/tasks.md: how many tasks load, and why the others do not; then how many of `count` tasks (200
 * by default) that name no Python, drawn by the seed (1 by default), have equal requests. Exits with 1 if any differ.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTasks, prepareTask, refusalReason } from '@moepress/harness';

const [python, folder, seed = '1', count = '200'] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node harness/scripts/task-parity.mjs <python> <folder of tasks> [seed] [count]');
  process.exit(2);
}

const tasks = await openTasks({ includePath: folder });
const loaded = new Map();
const refused = new Map();
let all = tasks.broken.length;
for (const { kind, name } of tasks.entries.values()) {
  if (kind !== 'task') continue;
  all++;
  try {
    loaded.set(name, (await tasks.find([name]))[0]);
  } catch (error) {
    const reason = refusalReason(error) ?? `a wrong task file: ${error.message}`;
    refused.set(reason, [...(refused.get(reason) ?? []), name]);
  }
}
console.log(`| ${all} tasks | |\n|---|---|\n| load | ${loaded.size} |`);
console.log(`| load and name no Python | ${[...loaded.keys()].filter(isPure).length} |`);
if (tasks.broken.length > 0) console.log(`| not YAML | ${tasks.broken.length} |`);
for (const [reason, names] of [...refused].sort(([, a], [, b]) => b.length - a.length)) {
  console.log(`| ${reason} | ${names.length} |`);
}

const scratch = mkdtempSync(join(tmpdir(), 'moepress-parity-'));
const out = join(scratch, 'requests.json');
const script = fileURLToPath(new URL('./task-requests.py', import.meta.url));
const ran = spawnSync(python, [script, folder, seed, count, out], {
  input: [...loaded.keys()].filter(isPure).sort().join('\n'),
  encoding: 'utf8',
  maxBuffer: 1 << 30,
});
if (ran.status !== 0) {
  console.error(ran.stderr);
  process.exit(2);
}
const { taken, passed } = JSON.parse(readFileSync(out, 'utf8'));
rmSync(scratch, { recursive: true });

let requests = 0;
const different = [];
for (const [name, expected] of Object.entries(taken)) {
  const datasets = { rows: async () => ({ rows: expected.rows, where: name }) };
  let made;
  try {
    const prepared = await prepareTask(loaded.get(name), datasets, { numFewshot: expected.shots }, {});
    made = prepared.questions.flatMap((question) => question.requests.map(asArguments(loaded.get(name))));
  } catch (error) {
    made = error.message;
  }
  requests += expected.requests.length;
  if (canonical(made) !== canonical(expected.requests)) different.push({ name, made, expected });
}
console.log(`| tasks compared (seed ${seed}) | ${Object.keys(taken).length} |`);
console.log(`| requests compared | ${requests} |`);
console.log(`| tasks with other requests | ${different.length} |`);
console.log(`| passed over: no rows could be made up | ${Object.keys(passed).length} |`);
for (const { name, made, expected } of different) {
  const at = Array.isArray(made)
    ? expected.requests.findIndex((request, i) => canonical(request) !== canonical(made[i]))
    : 0;
  console.error(name, '\n  moepress:', JSON.stringify(Array.isArray(made) ? made[at] : made));
  console.error('  lm_eval: ', JSON.stringify(expected.requests[at]));
}
for (const [name, error] of Object.entries(passed)) console.error(`passed over: ${name}: ${error}`);
process.exit(different.length > 0 ? 1 : 0);

/** Whether a task needs nothing of Python, not even what is written here again. */
function isPure(name) {
  const { process_rows, recorded } = loaded.get(name);
  const { doc_to_text, doc_to_target, doc_to_choice, fewshot_config } = recorded;
  return (
    !process_rows &&
    !/\(\)"/.test(JSON.stringify([doc_to_text, doc_to_target, doc_to_choice, fewshot_config]))
  );
}

/** A request as lm-evaluation-harness has it: its kind and its arguments. */
function asArguments(task) {
  return (request) => {
    if (request.kind === 'loglikelihood_rolling') return [request.kind, request.text];
    if (request.kind === 'loglikelihood') return [request.kind, request.context, request.continuation];
    return [request.kind, request.context, task.generation_kwargs];
  };
}

/** Keys in one order. */
function canonical(value) {
  return JSON.stringify(value, (_, one) =>
    one && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
