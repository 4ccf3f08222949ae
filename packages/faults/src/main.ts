/**
 * `npm run faults -- [target] [seed] [count] [from]`: kills, stops, crowds and starves commands at random points, runs
 * them again, and compares what they lead to, byte by byte, with runs that nothing happened to. The target is one of
 * those of the suite, or all. Prints a line for each, and exits with 1 if anything went wrong.
 */
import { jobNames, type TargetName, targetNames, tryTarget, withReferences } from './suite.js';

const [target = 'all', seed = '1', count = '20', from = '0'] = process.argv.slice(2);
if (target !== 'all' && !targetNames.includes(target as TargetName)) {
  throw new Error(`There is no target ${target}: give all, or one of ${targetNames.join(', ')}.`);
}
const wanted = target === 'all' ? targetNames : [target as TargetName];
await withReferences(jobNames, async (references) => {
  for (const { job, milliseconds, lines } of references) {
    console.log(`${job.name}: ${Math.round(milliseconds)} ms, ${lines} lines of progress`);
  }
  for (const one of wanted) {
    const report = await tryTarget(one, references, {
      seed: Number(seed),
      from: Number(from),
      count: Number(count),
    });
    const { obstacle, cases, kills, full, faults } = report;
    for (const fault of faults) console.error(fault);
    const what = [`${cases} cases`, `${kills} kills`, `${full} disks found full`, `${faults.length} faults`];
    console.log(`${one}: ${obstacle ?? what.join(', ')}`);
    if (faults.length > 0) process.exitCode = 1;
  }
});
