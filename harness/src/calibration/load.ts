import { setImmediate } from 'node:timers/promises';
import { createRng, MoepressError, type Tokenizer, throwIfAborted, type Work } from '@moepress/core';
import { packedSequences, separateSequences } from './sequences.js';
import { type CalibrationPart, renderCalibration } from './spec.js';
import { loadTexts, type TextSources } from './texts.js';

/** Tokens of a document that is not packed, at most. */
const longestDocument = 2048;

export interface CalibrationOptions extends TextSources, Work {
  readonly tokenizer: Tokenizer;
  /** Longest sequence that the model reads. */
  readonly maxPositions: number;
  /** Chooses documents where fewer are taken than there are. */
  readonly seed: number;
}

/** Token sequences and how to make them again. */
export interface CalibrationSequences {
  readonly source: string;
  readonly seed: number;
  readonly sequences: readonly (readonly number[])[];
}

/**
 * Reads and tokenises a calibration set, part after part and no more documents than it takes. A part
 * gives the same sequences whatever stands beside it.
 *
 * Throws `CALIBRATION_INVALID` for what is not there, is no text or is too short, `TASK_UNKNOWN`,
 * `DATASET_NOT_FOUND`, `DATASET_INVALID`, what the Hub throws, and `ABORTED`.
 */
export async function loadCalibration(
  parts: readonly CalibrationPart[],
  options: CalibrationOptions,
): Promise<CalibrationSequences> {
  const sequences: (readonly number[])[] = [];
  for (const part of parts) sequences.push(...(await loadPart(part, options)));
  return { source: renderCalibration(parts), seed: options.seed, sequences };
}

async function loadPart(part: CalibrationPart, options: CalibrationOptions): Promise<(readonly number[])[]> {
  const { progress, signal, tokenizer, maxPositions, seed } = options;
  checkLength(part, maxPositions);
  const texts = await loadTexts(part.source, options, { progress, signal });
  const documents = encode(inOrder(texts, part, seed), tokenizer);
  const available =
    part.length === null
      ? separateSequences(documents, Math.min(maxPositions, longestDocument))
      : packedSequences(documents, tokenizer.eosTokenId, part.length);
  const wanted = part.sequences ?? texts.length;
  const task = 'Tokenising';
  progress?.({ type: 'start', task, total: wanted, unit: 'sequences' });
  const taken: (readonly number[])[] = [];
  for (const sequence of available) {
    taken.push(sequence);
    progress?.({ type: 'advance', task, done: taken.length });
    // Lets Ctrl-C be heard.
    await setImmediate();
    throwIfAborted(signal);
    if (taken.length === wanted) break;
  }
  progress?.({ type: 'end', task });
  if (taken.length === 0 || taken.length < (part.sequences ?? 0)) throw tooShort(part, taken.length);
  return taken;
}

/** The seed decides which documents are taken, and which come first where sequences are packed. */
function inOrder(texts: readonly string[], { sequences, length }: CalibrationPart, seed: number) {
  const takesAll = length === null && (sequences === null || sequences >= texts.length);
  if (takesAll) return texts;
  return createRng(seed)
    .permutation(texts.length)
    .map((i) => texts[i]!);
}

function* encode(texts: Iterable<string>, tokenizer: Tokenizer): Generator<readonly number[]> {
  for (const text of texts) yield tokenizer.encode(text);
}

function checkLength(part: CalibrationPart, maxPositions: number): void {
  if (part.length === null || part.length <= maxPositions) return;
  throw new MoepressError('CALIBRATION_INVALID', {
    message: `The model reads ${maxPositions} tokens at most, and sequences of ${part.length} were asked for.`,
    where: renderCalibration([part]),
    mend: `Ask for :${part.sequences}x${maxPositions}, or fewer.`,
  });
}

function tooShort(part: CalibrationPart, available: number): MoepressError {
  const { sequences, length } = part;
  const kind = length === null ? 'documents' : `sequences of ${length} tokens`;
  return new MoepressError('CALIBRATION_INVALID', {
    message:
      sequences === null
        ? 'There is no text in it.'
        : `The text gives ${available} ${kind}, and ${sequences} were asked for.`,
    where: renderCalibration([part]),
    mend: available > 0 ? `Ask for ${available}, or give more text.` : 'Give more text.',
  });
}
