import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeOlmoe } from './olmoe.js';
import { calibrationSuite } from './suites/calibration.js';
import { openSuite } from './suites/open.js';

/** `npm run bench [-- <suite>]`: checkpoints are made once, in the folder MOEPRESS_BENCH or a temporary one. */
const folder = process.env.MOEPRESS_BENCH ?? join(tmpdir(), 'moepress-bench');
const [small, large] = [join(folder, 'olmoe-1-layer'), join(folder, 'olmoe-4-layers')];

const suites: Record<string, () => Promise<void>> = {
  open: () => openSuite(small, large),
  calibration: () => calibrationSuite(large),
};

await writeOlmoe(small, 1);
await writeOlmoe(large, 4);
const wanted = process.argv[2];
for (const [name, run] of Object.entries(suites)) {
  if (wanted === undefined || wanted === name) await run();
}
