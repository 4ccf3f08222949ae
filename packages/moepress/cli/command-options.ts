import { expertLayouts, predictionChoices, quantiseChoices } from '@moepress/export';
import { deviceChoices, precisions } from '@moepress/runtime';
import { Option } from 'commander';
import { generationEngines } from '../src/generation/engine-options.js';
import type { CacheFolders, ComputeOptions } from '../src/options.js';
import { bytes, count, integer, path, threads } from './option-values.js';

/** Arguments that several commands have. */
export const modelHelp = 'a folder, a GGUF file, a Hub id such as allenai/OLMoE-1B-7B-0125, or tiny';
export const resultsHelp = 'a results_<time>.json that eval --output wrote, or the folder it is in';

/** The value of `--evidence`, `--answers` or `--runs`: a folder, or false for none. */
export interface CacheFlags {
  readonly evidence?: string | false;
  readonly answers?: string | false;
  readonly runs?: string;
}

export const cacheOf = ({ evidence, answers, runs }: CacheFlags): CacheFolders => ({
  evidence,
  responses: answers,
  training: runs,
});

/** Where to compute: options of the library that are spelled the same. */
export type DeviceFlags = Pick<ComputeOptions, 'device' | 'precision' | 'gpuMemory' | 'memory' | 'threads'>;

/** Options that several commands have; each call makes a new one, as commander demands. */

export const jsonOption = () =>
  new Option('--json', 'results as JSON on standard output, progress and errors as NDJSON');
export const profileOption = () =>
  new Option('--profile <file>', 'write what took the time as a trace, for ui.perfetto.dev').argParser(path);
export const forceOption = () =>
  new Option('--force', 'replace a file of another kind, or a folder that moepress wrote, at an output path');
export const pluginOption = () =>
  new Option(
    '--plugin <path>',
    'use the plugin in this folder or module, or, by its name, one that is installed; may be repeated',
  ).argParser((text: string, earlier: readonly string[] = []) => [...earlier, path(text)]);
export const revisionOption = () => new Option('--revision <commit>', 'branch, tag or commit of a Hub model');
export const dryRunOption = (
  what = 'say what time, memory and disk it would take, by a trial of some seconds, and do nothing',
) => new Option('--dry-run', what);
export const planOption = () =>
  new Option(
    '--plan <file>',
    'take the model as this plan changes it: a plan, or the folder that compress or refine wrote',
  ).argParser(path);
export const threadsOption = () =>
  new Option('--threads <n>', 'threads of the matrix products (default: one for each core)').argParser(
    threads,
  );
export const deviceOption = () =>
  new Option(
    '--device <name>',
    'where to compute (default: cpu); auto takes the fastest that starts, see moepress doctor',
  ).choices(deviceChoices);
export const precisionOption = () =>
  new Option(
    '--precision <type>',
    'number format of products with weights on a device other than the CPU (default: float32)',
  ).choices(precisions);
export const engineOption = () =>
  new Option(
    '--engine <name>',
    'who generates texts (default: onnxruntime); llama-cpp needs @moepress/llama-cpp and exports the model to a GGUF file' +
      ' in the cache',
  ).choices(generationEngines);
export const engineSequencesOption = () =>
  new Option(
    '--engine-sequences <n>',
    'texts in one batch of llama.cpp (default: 8); with 1 they repeat from run to run',
  ).argParser(count);
export const gpuMemoryOption = () =>
  new Option('--gpu-memory <size>', "what to use of such a device's memory (default: 4GiB)").argParser(bytes);
export const includePathOption = () =>
  new Option(
    '--include-path <dir>',
    'folder of task files of lm-evaluation-harness, such as its lm_eval/tasks',
  ).argParser(path);
export const dataOption = () =>
  new Option(
    '--data <dir>',
    'folder that mirrors datasets, as <dataset>/<config>/<split>.parquet (or .jsonl, .jsonl.gz)',
  ).argParser(path);
export const seedOption = () =>
  new Option('--seed <n>', 'seed of everything random').argParser(integer).default(0);
export const evidenceOption = () =>
  new Option(
    '--evidence <dir>',
    'folder in which measurements are kept and looked up (default: the cache)',
  ).argParser(path);
export const noEvidenceOption = () => new Option('--no-evidence', 'keep no measurements');
export const answersOption = () =>
  new Option('--answers <dir>', 'where answers are kept and found again (default: the cache)').argParser(
    path,
  );
export const noAnswersOption = () => new Option('--no-answers', 'keep no answers');
export const memoryOption = () =>
  new Option(
    '--memory <size>',
    'most memory to take, without mapped weights (default: half of the free memory)',
  ).argParser(bytes);
export const layoutOption = () =>
  new Option(
    '--layout <layout>',
    'how to store experts that slots share or that differ in width.' +
      ' compact: each once in its actual width, for moepress, and transformers with remote code.' +
      ' materialised: one for every slot, padded with zeros to the largest width, for any program.' +
      ' masked: one for every slot, with zeros in place of the removed channels.' +
      ' less-is-moe: concatenated, for the vLLM plugin of Less-is-MoE',
  )
    .choices(expertLayouts)
    .default('compact');
export const mtpOption = () =>
  new Option(
    '--mtp <choice>',
    'multi-token prediction layers: keep them, and fail if experts were removed in a way that they cannot follow; or drop' +
      ' them (default: keep them where possible)',
  ).choices(predictionChoices);
export const quantiseOption = () =>
  new Option(
    '--quantise <type>',
    'quantise the weights of experts, FFNs and attention as they are written, for vLLM (default: they stay as they are)',
  ).choices(quantiseChoices);
export const minTokensOption = () =>
  new Option('--min-tokens <n>', 'report experts that saw fewer calibration tokens')
    .argParser(integer)
    .default(32);
