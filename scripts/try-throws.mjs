/**
 * Shows that unit tests test the sources: puts a `throw` at the end of a source file, runs a test that covers it, without
 * a build, and puts the file back. `node scripts/try-throws.mjs [<number>] [<seed>]` tries, beside worker threads and
 * files of other packages, so many files that have a test beside them (6 by default). Exits with 1 if a test still passes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

/** Sources that a test reaches through another package or in a thread of its own. */
const distant = [
  ['packages/core/src/plan/apply.ts', 'plugins/conmoe/src/compressor.test.ts'],
  ['packages/core/src/errors/error.ts', 'harness/src/datasets/parquet.test.ts'],
  ['packages/graph/src/ir/builder.ts', 'packages/runtime/src/engine/worker.test.ts'],
  ['packages/runtime/src/engine/thread.ts', 'packages/runtime/src/engine/worker.test.ts'],
  ['harness/src/datasets/parquet-thread.ts', 'harness/src/datasets/parquet.test.ts'],
  [
    'packages/checkpoint/src/tokenizer/tokenizer-thread.ts',
    'packages/checkpoint/src/tokenizer/open-tokenizer.test.ts',
  ],
];

const [wanted = 6, seed = Date.now() % 1e6] = process.argv.slice(2).map(Number);
const beside = ['packages', 'plugins', 'harness']
  .flatMap(filesIn)
  .filter((file) => file.endsWith('.test.ts'))
  .map((test) => [test.replace('.test.ts', '.ts'), test])
  .filter(([source]) => existsSync(source));
console.log(`seed ${seed}`);
// The file in hand is put back before the process ends.
let isStopped = false;
process.on('SIGINT', () => {
  isStopped = true;
});
const pairs = [...distant, ...drawn(beside, wanted, seed)];
let silent = 0;
for (const [source, test] of pairs) {
  if (isStopped) process.exit(130);
  const isSeen = failsWith(source, test);
  if (!isSeen) silent++;
  console.log(`${isSeen ? 'seen    ' : 'NOT SEEN'} ${source} by ${test}`);
}
console.log(`${pairs.length - silent} of ${pairs.length} seen`);
process.exitCode = silent > 0 ? 1 : 0;

function failsWith(source, test) {
  const text = readFileSync(source, 'utf8');
  try {
    writeFileSync(source, `${text}\nthrow new Error('A throw to be seen.');\n`);
    return spawnSync('npx', ['vitest', 'run', test], { encoding: 'utf8' }).status !== 0;
  } finally {
    writeFileSync(source, text);
  }
}

/** Files in a folder, by their paths from here. */
function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (['node_modules', 'dist'].includes(entry.name)) return [];
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

/** So many of the items, by a linear congruential generator. */
function drawn(items, count, start) {
  const left = [...items];
  let state = start;
  return Array.from({ length: Math.min(count, left.length) }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return left.splice(state % left.length, 1)[0];
  });
}
