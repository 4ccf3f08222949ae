import { join } from 'node:path';
import { MoepressError, recordOf, shown } from '@moepress/core';
import { z } from 'zod';
import { type JsonObject, readJsonFile } from '../folder/json.js';
import { compilePatterns } from './module-patterns.js';

/** The line that writes base and adapter as one checkpoint, for adapters that are not merged here. */
export function mergeLine(directory: string): string {
  const path = JSON.stringify(directory);
  return `Merge it with PEFT, then use the folder "merged": python -c 'from peft import AutoPeftModelForCausalLM as M; from transformers import AutoTokenizer as T; p = ${path}; m = M.from_pretrained(p, dtype="auto"); b = m.peft_config["default"].base_model_name_or_path; m.merge_and_unload().save_pretrained("merged"); T.from_pretrained(b).save_pretrained("merged")'`;
}

export const adapterConfigFile = 'adapter_config.json';

/** What adapter_config.json says of a LoRA adapter (arXiv 2106.09685) as PEFT writes it. */
export interface AdapterConfig {
  /** Folder or Hub id of the model it was made for; null where it names none. */
  readonly base: string | null;
  readonly baseRevision: string | null;
  /** The factor of the product of a module's two matrices, which share `rank`. */
  scaling(module: string, rank: number): number;
}

/** More than the modules of any published model that adapters are made for. */
const maxPatterns = 4096;

const patterns = recordOf(z.number())
  .refine(({ size }) => size <= maxPatterns, `more than ${maxPatterns} patterns`)
  .nullish();

const schema = z.object({
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
  peft_type: z.literal('LORA'),
  lora_alpha: z.number(),
  alpha_pattern: patterns,
  use_rslora: z.boolean().nullish(),
});

/** Forms of LoRA that compute something else than W + scaling B A, by the key that asks for them. */
const otherForms: readonly string[] = [
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'layer_replication',
  'lora_bias',
  'megatron_config',
  'monteclora_config',
  'target_parameters',
  'trainable_token_indices',
  'use_bdlora',
  'use_dora',
  'use_qalora',
  'velora_config',
];

/** Initialisations that take part of the base's weights into the adapter: what is left of them is not stored. */
const changingBase = /^(pissa|olora|corda|loftq|lora_ga)/i;

/**
 * The adapter that lies in a folder, or null if there is none. Throws `CONFIG_INVALID`, or `CONFIG_UNSUPPORTED`, with
 * the line that merges the adapter, for other kinds than plain LoRA.
 */
export async function readAdapterConfig(directory: string): Promise<AdapterConfig | null> {
  const where = join(directory, adapterConfigFile);
  const raw = await readJsonFile(directory, adapterConfigFile, 'CONFIG_INVALID');
  if (!raw) return null;
  refuseOtherForms(raw, directory, where);
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new MoepressError('CONFIG_INVALID', {
      message: `"${path.join('.')}" is ${raw[String(path[0])] === undefined ? 'missing' : shown(raw[String(path[0])])}: ${message}.`,
      where,
      hint: 'Restore adapter_config.json from the source of the adapter.',
    });
  }
  const { base_model_name_or_path, revision, lora_alpha, alpha_pattern, use_rslora } = parsed.data;
  const alphas = await compilePatterns(alpha_pattern, `${where}: alpha_pattern`);
  return {
    base: base_model_name_or_path || null,
    baseRevision: revision || null,
    scaling(module, rank) {
      const alpha = alphas.valueOf(module) ?? lora_alpha;
      // Rank-stabilised: arXiv 2312.03732.
      return alpha / (use_rslora ? Math.sqrt(rank) : rank);
    },
  };
}

function refuseOtherForms(raw: JsonObject, directory: string, where: string): void {
  const used = (key: string) => {
    const value = raw[key];
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  };
  const init = raw.init_lora_weights;
  const key =
    raw.peft_type !== undefined && raw.peft_type !== 'LORA'
      ? 'peft_type'
      : (otherForms.find(used) ??
        (typeof init === 'string' && changingBase.test(init) ? 'init_lora_weights' : undefined));
  if (key === undefined) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `"${key}" is ${shown(raw[key])}: only plain LoRA adapters are implemented.`,
    where: `${where}: ${key}`,
    hint: mergeLine(directory),
  });
}
