import { type Model, MoepressError, type Tokenizer } from '@moepress/core';
import type { CalibrationSet } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import { embeddedName } from './model.js';
import { readText } from './text.js';

/** Tokens of one sequence where the user does not say. */
const defaultLength = 2048;

/**
 * Reads a calibration set: a text file with documents separated by blank lines, or JSONL with a
 * `text` field. `file` gives one sequence a document, cut at 2048 tokens; `file:128x2048` packs the
 * documents end to end into 128 sequences of 2048 tokens. Throws `CALIBRATION_INVALID`.
 */
export async function loadCalibration(
  spec: string | undefined,
  model: Model,
  tokenizer: Tokenizer,
  seed: number,
): Promise<CalibrationSet> {
  const source = spec ?? (model.id === embeddedName ? tinyModel.calibrationFile : undefined);
  if (source === undefined) {
    throw new MoepressError('CALIBRATION_INVALID', {
      message: 'The method measures on text, and none was given.',
      where: '--calibration',
      mend: 'Give --calibration <file.txt|file.jsonl>, for example --calibration c4.jsonl:128x2048.',
    });
  }
  const { file, packing } = parseSpec(source);
  const documents = parseDocuments(file, await readText(file, 'CALIBRATION_INVALID'));
  const longest = Math.min(model.config.maxPositions, packing?.length ?? defaultLength);
  const encoded = documents.map((text) => tokenizer.encode(text));
  const sequences = packing
    ? pack(encoded, tokenizer.eosTokenId, packing.sequences, longest)
    : encoded.map((ids) => ids.slice(0, longest)).filter((ids) => ids.length > 0);
  if (sequences.length === 0) {
    throw new MoepressError('CALIBRATION_INVALID', {
      message: packing
        ? `The text is shorter than one sequence of ${longest} tokens.`
        : 'The file holds no text.',
      where: file,
    });
  }
  return { source: spec === undefined ? 'tiny/calibration.txt' : spec, seed, sequences };
}

function parseSpec(spec: string) {
  const match = /^(.+):(\d+)x(\d+)$/.exec(spec);
  if (!match) return { file: spec, packing: null };
  const [sequences, length] = [Number(match[2]), Number(match[3])];
  return { file: match[1]!, packing: { sequences, length } };
}

function parseDocuments(file: string, text: string): string[] {
  if (!file.endsWith('.jsonl')) return text.split(/\n\s*\n/).filter((part) => part.trim() !== '');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, i) => {
      try {
        const row: unknown = JSON.parse(line);
        const value = row && typeof row === 'object' && 'text' in row ? row.text : undefined;
        if (typeof value === 'string') return value;
      } catch {
        // Falls through: not JSON is as wrong as JSON without text.
      }
      throw new MoepressError('CALIBRATION_INVALID', {
        message: `Line ${i + 1} is no JSON object with a "text" string.`,
        where: file,
      });
    });
}

/** All documents end to end, an end-of-text token between them, cut into full sequences. */
function pack(
  documents: readonly number[][],
  separator: number | null,
  count: number,
  length: number,
): number[][] {
  const stream = documents.flatMap((ids) => (separator === null ? ids : [...ids, separator]));
  const available = Math.min(count, Math.floor(stream.length / length));
  return Array.from({ length: available }, (_, i) => stream.slice(i * length, (i + 1) * length));
}
