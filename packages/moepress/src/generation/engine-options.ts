import { checkChoice, checkNumber } from '../check-options.js';

/** Who may generate texts. */
export const generationEngines = ['onnxruntime', 'llama-cpp'] as const;

export type GenerationEngine = (typeof generationEngines)[number];

export interface GenerationOptions {
  /**
   * Who generates texts that take the likeliest token each time: `onnxruntime`, which is our own runtime (default), or
   * `llama-cpp`, for which the model is exported to a GGUF file in the cache. Scores, tokens that are drawn, and texts by
   * rules of generation_config.json such as a repetition penalty are our own runtime's in any case.
   */
  readonly engine?: GenerationEngine | undefined;
  /**
   * Texts that llama.cpp computes in one batch; 8 by default. What else is in a batch changes the last bits of its
   * numbers, and with them which of two equally likely tokens is taken: with 1, texts repeat from run to run.
   */
  readonly engineSequences?: number | undefined;
}

/** Throws `INPUT_INVALID` for an engine that there is not, and numbers that cannot be meant. */
export function checkGeneration({ engine, engineSequences }: GenerationOptions): void {
  checkChoice({ where: 'engine', value: engine }, generationEngines);
  checkNumber({ where: 'engineSequences', value: engineSequences }, 1);
}
