import { setImmediate } from 'node:timers/promises';
import type { CalibrationSet, TokenSequence } from '@moepress/core';
import {
  createRng,
  encodeAll,
  MoepressError,
  type Tokenizer,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import { type CalibrationPart, renderCalibration } from './calibration-spec.js';
import { loadTexts, type SourceText, type TextSources } from './calibration-texts.js';
import { packedSequences, separateSequences } from './sequences.js';

/** The most tokens of a document that is not packed. */
const longestDocument = 2048;

export interface CalibrationOptions extends TextSources, Work {
  readonly tokenizer: Tokenizer;
  /** Longest sequence that the model reads. */
  readonly maxPositions: number;
  /** Seed of the choice of documents, where fewer are taken than there are. */
  readonly seed: number;
}

/**
 * Reads and tokenises a calibration set, part after part, and only as many documents as it needs. A part gives the
 * same sequences whatever the other parts are.
 *
 * Throws `CALIBRATION_INVALID` for a source that does not exist, is not text or is too short, `TASK_UNKNOWN`,
 * `DATASET_NOT_FOUND`, `DATASET_INVALID`, the errors of the Hub, and `ABORTED`.
 */
export async function loadCalibration(
  parts: readonly CalibrationPart[],
  options: CalibrationOptions,
): Promise<CalibrationSet> {
  const encode = async ({ text }: SourceText) => ({ ids: (await encoded([text], options))[0]!, from: 1 });
  const { sequences, ...set } = await loadSet(parts, options, encode);
  return { ...set, sequences: sequences.map(({ ids }) => ids) };
}

/**
 * The same set for training: documents end with the end-of-text token, so that a model learns to stop, and of a
 * task's solved question only the answer is learned, unless sequences are packed. Documents too long to include any
 * of their answer are left out. Throws the errors of `loadCalibration`.
 */
export async function loadTraining(
  parts: readonly CalibrationPart[],
  options: CalibrationOptions,
): Promise<CalibrationSet<TokenSequence>> {
  const { tokenizer } = options;
  const end = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  const { sequences, ...set } = await loadSet(parts, options, async ({ text, question }) => {
    const [ids = [], asked = []] = await encoded([text, text.slice(0, question)], options);
    // The last tokens of the question may merge with the answer's first.
    const differs = asked.findIndex((id, place) => id !== ids[place]);
    const from = differs === -1 ? asked.length : differs;
    return { ids: [...ids, ...end], from: Math.max(1, from) };
  });
  const learnable = sequences.filter(({ ids, from }) => from < ids.length);
  if (learnable.length > 0) return { ...set, sequences: learnable };
  throw new MoepressError('CALIBRATION_INVALID', {
    message: 'No document is long enough for training, or all are cut before their answers.',
    where: set.source,
  });
}

async function loadSet(
  parts: readonly CalibrationPart[],
  options: CalibrationOptions,
  encode: (text: SourceText) => Promise<TokenSequence>,
): Promise<CalibrationSet<TokenSequence>> {
  const sequences: TokenSequence[] = [];
  for (const part of parts) sequences.push(...(await loadPart(part, options, encode)));
  return { source: renderCalibration(parts), seed: options.seed, sequences };
}

async function loadPart(
  part: CalibrationPart,
  options: CalibrationOptions,
  encode: (text: SourceText) => Promise<TokenSequence>,
): Promise<TokenSequence[]> {
  const { progress, signal, tokenizer, maxPositions, seed } = options;
  checkLength(part, maxPositions);
  const texts = await loadTexts(part.source, options, { progress, signal });
  const documents = inOrder(texts, part, seed);
  const available =
    part.length === null
      ? separateSequences(lazily(documents, encode), Math.min(maxPositions, longestDocument))
      : packedSequences(
          lazily(documents, async ({ text }) => (await encoded([text], options))[0]!),
          tokenizer.eosTokenId,
          part.length,
        );
  const wanted = part.sequences ?? texts.length;
  const task = 'Tokenising';
  progress?.({ type: 'start', task, total: wanted, unit: 'sequences' });
  const taken: TokenSequence[] = [];
  for await (const sequence of available) {
    taken.push(sequence);
    progress?.({ type: 'advance', task, done: taken.length });
    // Gives the process time to handle Ctrl-C.
    await setImmediate();
    throwIfAborted(signal);
    if (taken.length === wanted) break;
  }
  progress?.({ type: 'end', task });
  if (taken.length === 0 || taken.length < (part.sequences ?? 0)) throw tooShort(part, taken.length);
  return taken;
}

/** The seed decides which documents are taken, and which come first where sequences are packed. */
function inOrder(texts: readonly SourceText[], { sequences, length }: CalibrationPart, seed: number) {
  const takesAll = length === null && (sequences === null || sequences >= texts.length);
  if (takesAll) return texts;
  return createRng(seed)
    .permutation(texts.length)
    .map((i) => texts[i]!);
}

async function* lazily<T>(
  texts: Iterable<SourceText>,
  encode: (text: SourceText) => Promise<T>,
): AsyncGenerator<T> {
  for (const text of texts) yield await encode(text);
}

const encoded = (texts: readonly string[], { tokenizer, signal }: CalibrationOptions) =>
  encodeAll(tokenizer, texts, { signal });

function checkLength(part: CalibrationPart, maxPositions: number): void {
  if (part.length === null || part.length <= maxPositions) return;
  throw new MoepressError('CALIBRATION_INVALID', {
    message: `The model reads ${maxPositions} tokens at most, and sequences of ${part.length} were asked for.`,
    where: renderCalibration([part]),
    hint: `Ask for :${part.sequences}x${maxPositions}, or fewer.`,
  });
}

function tooShort(part: CalibrationPart, available: number): MoepressError {
  const { sequences, length } = part;
  const kind = length === null ? 'documents' : `sequences of ${length} tokens`;
  return new MoepressError('CALIBRATION_INVALID', {
    message:
      sequences === null
        ? 'It holds no text.'
        : `The text gives ${available} ${kind}, and ${sequences} were asked for.`,
    where: renderCalibration([part]),
    hint: available > 0 ? `Ask for ${available}, or give more text.` : 'Give more text.',
  });
}
