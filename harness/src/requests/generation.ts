import { MoepressError } from '@moepress/core';
import { type GenerationOptions, generationSchema, type Task } from '../tasks/task-schema.js';
import type { GenerationRequest, SamplingRequest } from './request.js';

/** The most tokens generated if the task does not say. */
const defaultMaxGenTokens = 256;

/** lm-evaluation-harness' default seed for what the model draws. */
export const samplingSeed = 1234;

/** Where generation ends. An empty stop stops nothing. */
export function limitsOf(options: GenerationOptions): Pick<GenerationRequest, 'until' | 'maxGenTokens'> {
  const { max_gen_toks, max_new_tokens, max_tokens, max_completion_tokens } = options;
  return {
    until: [options.until].flat().filter((stop) => stop !== ''),
    maxGenTokens:
      max_gen_toks ?? max_new_tokens ?? max_tokens ?? max_completion_tokens ?? defaultMaxGenTokens,
  };
}

/**
 * How tokens are drawn, one entry for each time that a question is asked; undefined, once, where the likeliest is taken:
 * without `do_sample` a temperature above 0 asks for drawing, as `normalize_gen_kwargs` of lm-evaluation-harness 0.4.13
 * (models/utils.py) has it. With `do_sample` and no temperature it is 1.
 */
export function attemptsOf(
  { do_sample, temperature, top_p: topP, top_k: topK }: GenerationOptions,
  repeats: number,
  seed: number,
): (SamplingRequest | undefined)[] {
  const wanted = temperature ?? (do_sample ? 1 : 0);
  if (do_sample === false || wanted <= 0) return [undefined];
  const shape = {
    temperature: wanted,
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK: Math.max(0, topK) }),
    seed,
  };
  return Array.from({ length: repeats }, (_, attempt) => ({ ...shape, attempt }));
}

/**
 * A task whose answers are generated with other arguments, added to its own; any other task as it is. Throws
 * `INPUT_INVALID` for arguments that generation does not take.
 */
export function withGenerationArguments(
  task: Task,
  args: Readonly<Record<string, unknown>> | undefined,
): Task {
  if (!args || task.output_type !== 'generate_until') return task;
  const parsed = generationSchema.safeParse({ ...task.generation_kwargs, ...args });
  if (parsed.success) return { ...task, generation_kwargs: parsed.data };
  const { path, message } = parsed.error.issues[0]!;
  throw new MoepressError('INPUT_INVALID', {
    message: `The answers to ${task.task} cannot be generated so: ${path.join('.')}${path.length > 0 ? ': ' : ''}${message}.`,
    where: 'genKwargs',
    hint: 'Give arguments such as do_sample, temperature, top_p, top_k, max_gen_toks and until.',
  });
}
