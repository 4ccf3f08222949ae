/**
 * `npm run fuzz -- [target] [seed] [count] [first]`: reads damaged and hostile inputs, each made by a seeded change to a
 * sound one, and counts how reading ended. `all` (the default) shares the count among the targets. A case is run again
 * alone by its number: `npm run fuzz -- headers 1 1 532`. Ends with 1 if anything but our own errors was thrown, if a
 * case took longer than 5 s, or its process more than 512 MiB.
 */
import { runTarget } from './run.test.util.js';
import { targets } from './targets/index.test.util.js';

const [name = 'all', seed = '1', count = '2000', first = '0'] = process.argv.slice(2);
const chosen = targets.filter((target) => name === 'all' || name.split(',').includes(target.name));
if (chosen.length === 0) {
  console.error(
    `There is no target "${name}": give one of all, ${targets.map((target) => target.name).join(', ')}.`,
  );
  process.exit(2);
}
const each = Math.ceil(Number(count) / chosen.length);
const totals = { cases: 0, raw: 0, crash: 0, hang: 0, memory: 0 };
for (const { name: target } of chosen) {
  const start = performance.now();
  const { counts, faults } = await runTarget({
    target,
    seed: Number(seed),
    first: Number(first),
    count: each,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const shown = Object.entries(counts).sort(([, a], [, b]) => b - a);
  console.log(
    `${target}: ${each} in ${seconds} s: ${shown.map(([outcome, n]) => `${outcome} ${n}`).join(', ')}`,
  );
  for (const { index, kind, detail } of faults.slice(0, 5)) {
    console.log(
      `  ${kind}: npm run fuzz -- ${target} ${seed} 1 ${index}\n    ${detail.split('\n').slice(0, 6).join('\n    ')}`,
    );
  }
  totals.cases += each;
  for (const { kind } of faults) totals[kind]++;
}
const { cases, raw, crash, hang, memory } = totals;
console.log(`${cases} inputs: ${raw + crash} raw exceptions, ${hang} over 5 s, ${memory} above 512 MiB`);
process.exitCode = raw + crash + hang + memory > 0 ? 1 : 0;
