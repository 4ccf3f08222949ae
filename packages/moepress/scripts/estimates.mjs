/**
 * `node packages/moepress/scripts/estimates.mjs [--calibration set] [--tasks names] [--verbs names] [--phases] <model>...`: how right estimates are. For each
 * model `compress`, `apply` and `eval` are estimated with --dry-run and then run, one process after the other, and watched every
 * 10 ms: seconds and the highest anonymous memory, beside what was estimated. Needs Linux, and room for the outputs in the
 * folder for temporary files. Exits with 1 where a time is off by more than a factor of 2, or memory by more than 1.3.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    calibration: { type: 'string', default: 'tiny:32x512' },
    tasks: { type: 'string', default: 'tiny_facts' },
    method: { type: 'string', default: 'reap' },
    phases: { type: 'boolean', default: false },
    verbs: { type: 'string', default: 'compress,apply,eval' },
  },
});
const models = positionals.length > 0 ? positionals : ['tiny'];
const entry = fileURLToPath(new URL('../bin/moepress.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'moepress-estimates-'));
const env = { ...process.env, MOEPRESS_CACHE: join(folder, 'cache') };
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Runs a command: what it printed, seconds, and its highest anonymous memory in bytes. */
function run(args) {
  return new Promise((done, fail) => {
    const started = performance.now();
    const child = spawn(process.execPath, [entry, ...args, '--json'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, errors, peak] = ['', '', 0];
    child.stdout.on('data', (part) => (out += part));
    const begun = new Map();
    const phases = {};
    let rest = '';
    child.stderr.on('data', (part) => {
      errors = (errors + part).slice(-4000);
      const lines = `${rest}${part}`.split('\n');
      rest = lines.pop();
      for (const event of lines.map((line) => JSON.parse(line))) {
        const now = performance.now();
        if (event.type === 'start') begun.set(event.task, now);
        if (event.type === 'end')
          phases[event.task] = (phases[event.task] ?? 0) + (now - begun.get(event.task)) / 1000;
      }
    });
    const timer = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        peak = Math.max(peak, 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0));
      } catch {
        // It has just ended.
      }
    }, 10);
    child.on('error', fail);
    child.on('close', (code) => {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      if (code === 0) done({ result: JSON.parse(out), seconds, peak, phases });
      else fail(new Error(`${args.join(' ')}: ${code}\n${errors.slice(-2000)}`));
    });
  });
}

const ratio = (a, b) => Math.max(a / b, b / a);
let isRight = true;
console.log('| model | job | estimated | measured | factor | memory estimated | measured | factor |');
console.log('|---|---|---|---|---|---|---|---|');
for (const id of models) {
  const model = id === 'tiny' ? id : resolve(id);
  const name = basename(model);
  const small = join(folder, `${name}-small`);
  const jobs = {
    compress: [
      'compress',
      model,
      '--method',
      values.method,
      '--ratio',
      '0.5',
      '--calibration',
      values.calibration,
      '--out',
      small,
    ],
    apply: ['apply', small, model, '--out', join(folder, `${name}-again`)],
    eval: ['eval', model, '--tasks', values.tasks],
  };
  for (const [verb, args] of Object.entries(jobs)) {
    if (!values.verbs.split(',').includes(verb)) continue;
    const { result: estimate } = await run([...args, '--dry-run']);
    const { seconds, peak, phases } = await run(args);
    const [time, memory] = [ratio(estimate.seconds, seconds), ratio(estimate.memory, peak)];
    isRight &&= time <= 2 && memory <= 1.3;
    const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
    console.log(
      `| ${name} | ${verb} | ${estimate.seconds.toFixed(1)} s | ${seconds.toFixed(1)} s | ${time.toFixed(2)} | ${gigabytes(estimate.memory)} | ${gigabytes(peak)} | ${memory.toFixed(2)} |`,
    );
    if (values.phases) {
      const listed = (entries) =>
        entries.map(([title, time]) => `${title} ${time?.toFixed(1) ?? '?'} s`).join(', ');
      console.error(`  estimated: ${listed(estimate.phases.map((phase) => [phase.title, phase.seconds]))}`);
      console.error(`  measured:  ${listed(Object.entries(phases))}`);
    }
  }
  for (const out of ['small', 'again'])
    rmSync(join(folder, `${name}-${out}`), { recursive: true, force: true });
}
process.exitCode = isRight ? 0 : 1;
