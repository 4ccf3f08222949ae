import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../model', import.meta.url));

/**
 * The embedded model: a trained Qwen2-MoE of 2.06 M parameters (4 layers, 16 experts, top-4, a gated
 * shared expert, bf16) in the stock Hugging Face layout. Absolute paths; model/README.md tells how it
 * was made and what it scores.
 */
export const tinyModel = {
  /** config.json, model.safetensors and the tokenizer. */
  directory,
  /** `<task>.<split>.jsonl` for tiny_gsm, tiny_facts and tiny_where. */
  tasksDirectory: join(directory, 'tasks'),
  /** 1,500 documents separated by blank lines, of another seed than the tests. */
  calibrationFile: join(directory, 'calibration.txt'),
  /** 300 more documents, for perplexity. */
  heldoutFile: join(directory, 'heldout.txt'),
} as const;
