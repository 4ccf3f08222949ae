import { deepseekV2Vocabulary, writeDeepseekV2 } from '../deepseek-v2.js';
import { gptOssVocabulary, writeGptOss } from '../gpt-oss.js';
import { originals, writeRouted } from '../routed.js';

/** A published model whose shapes a random checkpoint has. */
export interface Shape {
  /** Its name on the command line. */
  readonly name: string;
  /** The prefix of its checkpoints' folder names. */
  readonly folder: string;
  readonly title: string;
  /** Layers of the published model, and the number made by default: 3 to 4 GB. */
  readonly published: number;
  readonly layers: number;
  readonly vocabulary: number;
  /** Numbers of the experts as stored. */
  readonly stored: 'BF16' | 'MXFP4';
  /** A tokenizer of the reference data whose vocabulary fits in; its own where it is there. */
  readonly tokenizer: string;
  readonly write: (directory: string, layers: number) => Promise<void>;
}

export const shapes: readonly Shape[] = [
  {
    name: 'olmoe',
    folder: 'olmoe',
    title: 'OLMoE-1B-7B',
    published: 16,
    layers: 4,
    vocabulary: originals.olmoe.vocabulary,
    stored: 'BF16',
    tokenizer: 'olmoe_gpt-neox-olmo-dolma-v1_5',
    write: (directory, layers) => writeRouted(directory, 'olmoe', layers),
  },
  {
    name: 'qwen3',
    folder: 'qwen3_moe',
    title: 'Qwen3-30B-A3B',
    published: 48,
    layers: 2,
    vocabulary: originals.qwen3_moe.vocabulary,
    stored: 'BF16',
    tokenizer: 'qwen3',
    write: (directory, layers) => writeRouted(directory, 'qwen3_moe', layers),
  },
  {
    name: 'deepseek-v2-lite',
    folder: 'deepseek-v2-lite',
    title: 'DeepSeek-V2-Lite',
    published: 27,
    layers: 3,
    vocabulary: deepseekV2Vocabulary,
    stored: 'BF16',
    tokenizer: 'olmo2_dolma2',
    write: writeDeepseekV2,
  },
  {
    name: 'gpt-oss',
    folder: 'gpt-oss-20b',
    title: 'gpt-oss-20b',
    published: 24,
    layers: 2,
    vocabulary: gptOssVocabulary,
    stored: 'MXFP4',
    tokenizer: 'qwen3',
    write: writeGptOss,
  },
];
