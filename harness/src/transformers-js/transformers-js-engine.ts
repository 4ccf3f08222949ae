import type { PreTrainedModel, Tensor } from '@huggingface/transformers';
import {
  type GenerateOptions,
  MoepressError,
  type SequenceScore,
  type TokenSequence,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import type { TokenEngine } from '../model/language-model.js';

/** Numbers of logits computed at once, 256 MiB of fp32: exported decoders give those of all tokens. */
const logitsBudget = 2 ** 26;

/** Nothing but the likeliest token: none of the penalties and biases that a generation_config.json may ask for. */
const greedy = {
  do_sample: false,
  num_beams: 1,
  repetition_penalty: 1,
  no_repeat_ngram_size: 0,
  min_length: 0,
  min_new_tokens: null,
  bad_words_ids: null,
  suppress_tokens: null,
  begin_suppress_tokens: null,
  forced_bos_token_id: null,
  forced_eos_token_id: null,
  guidance_scale: null,
};

/**
 * A decoder in ONNX. Only sequences of one length are run together: how exported models take padding differs from
 * one to the next.
 */
export function onnxTokenEngine(
  library: Library,
  model: PreTrainedModel,
  { maxLength, vocabSize }: { readonly maxLength: number; readonly vocabSize: number },
): TokenEngine {
  const forward = async (rows: readonly (readonly number[])[]): Promise<Float32Array> => {
    const { logits } = (await model.forward(inputsOf(library, rows))) as { logits: Tensor };
    const numbers = logits.to('float32');
    return numbers.data as Float32Array;
  };

  return {
    maxLength,

    async score(items, { progress, signal }: Work = {}) {
      const task = 'Scoring';
      const scores: SequenceScore[] = [];
      progress?.({ type: 'start', task, total: items.length, unit: 'sequences' });
      for (const batch of equalLengths(items, logitsBudget / vocabSize)) {
        throwIfAborted(signal);
        // The last token is only predicted.
        const logits = await forward(batch.map(({ ids }) => ids.slice(0, -1)));
        const size = logits.length / batch.length;
        for (const [i, item] of batch.entries()) {
          scores.push(scoreRows(logits.subarray(i * size, (i + 1) * size), item));
        }
        progress?.({ type: 'advance', task, done: scores.length });
      }
      progress?.({ type: 'end', task });
      return scores;
    },

    async generate(prompts, options) {
      const { progress, signal } = options;
      if (options.sampling) {
        throw new MoepressError('INPUT_INVALID', {
          message: 'Ready-made ONNX files give the likeliest tokens alone, and a task has tokens drawn.',
          where: 'tasks',
          hint: 'Let moepress or a server run the model, or leave out the task.',
        });
      }
      const task = 'Generating';
      const texts: number[][] = [];
      progress?.({ type: 'start', task, total: prompts.length, unit: 'prompts' });
      for (const [index, prompt] of prompts.entries()) {
        throwIfAborted(signal);
        const stop = (newIds: readonly number[]) => options.stop?.(newIds, index) ?? false;
        texts.push(await generateOne(library, model, prompt, { ...options, stop }));
        throwIfAborted(signal);
        progress?.({ type: 'advance', task, done: texts.length });
      }
      progress?.({ type: 'end', task });
      return texts;
    },
  };
}

async function generateOne(
  library: Library,
  model: PreTrainedModel,
  prompt: readonly number[],
  {
    maxNewTokens,
    eosTokenIds,
    stop,
    signal,
  }: Omit<GenerateOptions, 'stop'> & { stop(newIds: readonly number[]): boolean },
): Promise<number[]> {
  const newIds = (ids: readonly (number | bigint)[]) => ids.slice(prompt.length).map(Number);
  class Stop extends library.StoppingCriteria {
    override _call(sequences: number[][]): boolean[] {
      return sequences.map((ids) => signal?.aborted || stop(newIds(ids)));
    }
  }
  const criteria = new library.StoppingCriteriaList();
  criteria.push(new Stop());
  const sequence = (await model.generate({
    ...inputsOf(library, [prompt]),
    // The library's types know no null, which is how it says that there is none of a thing.
    ...(greedy as object),
    max_new_tokens: maxNewTokens,
    eos_token_id: [...eosTokenIds],
    stopping_criteria: criteria,
  })) as Tensor;
  return newIds([...(sequence.data as BigInt64Array)]);
}

/** Rows of one length as the inputs of a decoder. */
function inputsOf({ Tensor: Made }: Library, rows: readonly (readonly number[])[]) {
  const shape = [rows.length, rows[0]!.length];
  const ids = BigInt64Array.from(rows.flat(), BigInt);
  return {
    input_ids: new Made('int64', ids, shape),
    attention_mask: new Made('int64', new BigInt64Array(ids.length).fill(1n), shape),
  };
}

/** Neighbours of one length, at most `tokens` together unless one alone has more. They come sorted by length. */
function* equalLengths(items: readonly TokenSequence[], tokens: number): Generator<TokenSequence[]> {
  let batch: TokenSequence[] = [];
  for (const item of items) {
    const { length } = item.ids;
    const fits = length === batch[0]?.ids.length && (batch.length + 1) * length <= tokens;
    if (batch.length > 0 && !fits) {
      yield batch;
      batch = [];
    }
    batch.push(item);
  }
  if (batch.length > 0) yield batch;
}

export type Library = typeof import('@huggingface/transformers');

/** The optional package, as its half gigabyte is needed here alone. Throws `INPUT_INVALID` if it is not installed. */
export async function loadLibrary(): Promise<Library> {
  try {
    const library = await import('@huggingface/transformers');
    const { env, LogLevel } = library;
    // Standard output and error are the caller's.
    env.logLevel = LogLevel.ERROR;
    const endpoint = process.env.HF_ENDPOINT;
    if (endpoint) env.remoteHost = endpoint.replace(/\/*$/, '/');
    return library;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MoepressError('INPUT_INVALID', {
      message:
        'The backend transformers-js needs a package that is not installed: @huggingface/transformers.',
      where: 'transformers-js',
      hint: 'npm install @huggingface/transformers (with -g if moepress is installed so).',
      cause,
    });
  }
}

/** `logits` [length - 1, vocabulary] of one sequence: row t predicts id t + 1. Sums in double precision. */
function scoreRows(logits: Float32Array, { ids, from }: TokenSequence): SequenceScore {
  const vocabulary = logits.length / (ids.length - 1);
  let logprob = 0;
  let isGreedy = true;
  for (let t = from; t < ids.length; t++) {
    const row = logits.subarray((t - 1) * vocabulary, t * vocabulary);
    const own = row[ids[t]!]!;
    let best = 0;
    for (let v = 1; v < vocabulary; v++) if (row[v]! > row[best]!) best = v;
    let sum = 0;
    for (let v = 0; v < vocabulary; v++) sum += Math.exp(row[v]! - row[best]!);
    logprob += own - row[best]! - Math.log(sum);
    isGreedy &&= best === ids[t];
  }
  return { logprob, isGreedy };
}
