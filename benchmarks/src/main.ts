import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MoepressError, suggest } from '@moepress/core';
import { writeDeepseek } from './deepseek.js';
import { type RoutedFamily, writeRouted } from './routed.js';
import { applySuite } from './suites/apply-suite.js';
import { calibrationSuite } from './suites/calibration-suite.js';
import { condenseSuite } from './suites/condense-suite.js';
import { deltaRuleSuite } from './suites/delta-rule-suite.js';
import { condensedSuite, denseSuite } from './suites/dense-suite.js';
import { distilSuite } from './suites/distil-suite.js';
import { gpuSuite } from './suites/gpu-suite.js';
import { harnessSuite } from './suites/harness-suite.js';
import { memorySuite } from './suites/memory-suite.js';
import { openSuite } from './suites/open-suite.js';
import { passesSuite } from './suites/passes-suite.js';
import { peersSuite } from './suites/peers-suite.js';
import { realSuite } from './suites/real-suite.js';
import { serveSuite } from './suites/serve-suite.js';
import { widthsSuite } from './suites/widths-suite.js';

/**
 * `npm run bench [-- <suite>]`; without a name all but `full`, which writes 13.8 GB, and `peers` and `real`, which take hours.
 * `apply`, `peers` and `real` have arguments of their own. Checkpoints are made once, in the folder MOEPRESS_BENCH or a temporary one. One in memory, such as /dev/shm/moepress, measures
 * computing alone, where the system does not keep files of some gigabytes in memory.
 */
const folder = process.env.MOEPRESS_BENCH ?? join(tmpdir(), 'moepress-bench');

async function routed(family: RoutedFamily, layers: number): Promise<string> {
  const directory = join(folder, `${family}-${layers}-layers`);
  await writeRouted(directory, family, layers);
  return directory;
}

const olmoe = (layers: number) => routed('olmoe', layers);

async function deepseek(moeLayers: number): Promise<string> {
  const directory = join(folder, `deepseek-${moeLayers}-moe-layers`);
  await writeDeepseek(directory, moeLayers);
  return directory;
}

/** So narrow that 262,144 tokens go through backwards in a minute. */
async function narrow(): Promise<string> {
  const directory = join(folder, 'narrow');
  const sizes = {
    hidden: 64,
    intermediate: 32,
    experts: 8,
    heads: 1,
    kvHeads: 1,
    headDim: 64,
    vocabulary: 512,
  };
  await writeRouted(directory, 'olmoe', 2, sizes);
  return directory;
}

const suites: Record<string, () => Promise<void>> = {
  open: async () => openSuite(await olmoe(1), await olmoe(4)),
  calibration: async () => calibrationSuite(await olmoe(4), 32, 1024),
  passes: async () => passesSuite(await olmoe(4)),
  memory: async () => memorySuite(await narrow()),
  harness: async () => harnessSuite(await olmoe(4)),
  apply: () => applySuite(process.argv.slice(3), olmoe),
  widths: async () => widthsSuite(await olmoe(4)),
  condense: async () => condenseSuite(await olmoe(4), await narrow()),
  condensed: async () => condensedSuite(await deepseek(3)),
  dense: async () => denseSuite(await olmoe(4)),
  'delta-rule': () => deltaRuleSuite(folder),
  distil: distilSuite,
  serve: serveSuite,
  gpu: () => gpuSuite({ 'OLMoE-1B-7B': () => olmoe(4), 'Qwen3-30B-A3B': () => routed('qwen3_moe', 4) }),
  real: () => realSuite(process.argv.slice(3)),
  peers: () => peersSuite(process.argv.slice(3)),
  full: async () => calibrationSuite(await olmoe(16), 16, 2048),
};

/** Suites that run only when they are named. */
const named = ['full', 'peers', 'real'];

async function main(wanted: string | undefined): Promise<void> {
  if (wanted !== undefined && !(wanted in suites)) {
    const meant = suggest(wanted, Object.keys(suites));
    throw new MoepressError('INPUT_INVALID', {
      message: `There is no suite "${wanted}".`,
      where: wanted,
      hint: `${meant ? `Did you mean ${meant}? ` : ''}Pick from ${Object.keys(suites).join(', ')}.`,
    });
  }
  for (const [name, run] of Object.entries(suites)) {
    if (wanted === undefined ? !named.includes(name) : name === wanted) await run();
  }
}

try {
  await main(process.argv[2]);
} catch (error) {
  if (!MoepressError.isInstance(error)) throw error;
  console.error(`${error.code}: ${error.message}\n${error.hint}`);
  process.exitCode = 2;
}
