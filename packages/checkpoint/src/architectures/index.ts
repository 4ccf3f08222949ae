import { MoepressError, suggest } from '@moepress/core/errors';
import { afmoe } from './afmoe.js';
import { cohere2Moe } from './cohere2-moe.js';
import { deepseek } from './deepseek.js';
import { deepseekV2 } from './deepseek-v2.js';
import { deepseekV3 } from './deepseek-v3.js';
import { deepseekV32 } from './deepseek-v32.js';
import { dots1 } from './dots1.js';
import { ernie45 } from './ernie4-5.js';
import { ernie45Moe } from './ernie4-5-moe.js';
import { exaoneMoe } from './exaone-moe.js';
import { flexOlmo } from './flex-olmo.js';
import { gemma4, gemma4Text } from './gemma4.js';
import { glmMoeDsa } from './glm-moe-dsa.js';
import { glm4Moe } from './glm4-moe.js';
import { glm4MoeLite } from './glm4-moe-lite.js';
import { gptOss } from './gpt-oss.js';
import { granite } from './granite.js';
import { graniteMoe } from './granite-moe.js';
import { hunyuanV1Dense } from './hunyuan-v1-dense.js';
import { hunyuanV1Moe } from './hunyuan-v1-moe.js';
import { hyV3 } from './hy-v3.js';
import { kimiK2 } from './kimi-k2.js';
import { llama } from './llama.js';
import { llama4, llama4Text } from './llama4.js';
import type { ArchitectureManifest } from './manifest.js';
import { mimoV2Flash } from './mimo-v2-flash.js';
import { minimaxM2 } from './minimax-m2.js';
import { mistral } from './mistral.js';
import { mistral4 } from './mistral4.js';
import { mixtral } from './mixtral.js';
import { olmo2 } from './olmo2.js';
import { olmoe } from './olmoe.js';
import { phimoe } from './phimoe.js';
import { qwen2 } from './qwen2.js';
import { qwen2Moe } from './qwen2-moe.js';
import { qwen3 } from './qwen3.js';
import { qwen35Moe, qwen35MoeText } from './qwen3-5-moe.js';
import { qwen3Moe } from './qwen3-moe.js';
import { qwen3Next } from './qwen3-next.js';
import { solarOpen } from './solar-open.js';

/** Every family that can be opened and written. */
export const architectures: readonly ArchitectureManifest[] = [
  afmoe,
  cohere2Moe,
  deepseek,
  deepseekV2,
  deepseekV3,
  deepseekV32,
  dots1,
  ernie45,
  ernie45Moe,
  exaoneMoe,
  flexOlmo,
  gemma4,
  gemma4Text,
  glm4Moe,
  glm4MoeLite,
  glmMoeDsa,
  gptOss,
  granite,
  graniteMoe,
  hunyuanV1Dense,
  hunyuanV1Moe,
  hyV3,
  kimiK2,
  llama,
  llama4,
  llama4Text,
  mimoV2Flash,
  minimaxM2,
  mistral,
  mistral4,
  mixtral,
  olmo2,
  olmoe,
  phimoe,
  qwen2,
  qwen2Moe,
  qwen3,
  qwen3Moe,
  qwen3Next,
  qwen35Moe,
  qwen35MoeText,
  solarOpen,
];

/** Throws `ARCHITECTURE_UNKNOWN`, with the names of those that are known. */
export function findArchitecture(modelType: string, where: string): ArchitectureManifest {
  const found = architectures.find((manifest) => manifest.modelType === modelType);
  if (found) return found;
  const known = architectures.map((manifest) => manifest.modelType);
  const guess = suggest(modelType, known);
  throw new MoepressError('ARCHITECTURE_UNKNOWN', {
    message: `The architecture "${modelType}" is not known.${guess ? ` Did you mean "${guess}"?` : ''} Known are ${known.join(', ')}.`,
    where,
    hint: 'Use a model of a known family, or see with "moepress inspect" and docs/architectures.md what this one would take.',
  });
}
