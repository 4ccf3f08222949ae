import { MoepressError } from '@moepress/core';

/** Where documents to calibrate on come from. */
export type CalibrationSource =
  /** A set known by its name, such as wikitext. */
  | { readonly kind: 'named'; readonly name: string }
  /** A column of a Hub dataset. */
  | {
      readonly kind: 'dataset';
      readonly id: string;
      readonly config: string;
      readonly split: string;
      readonly column: string;
    }
  /** Solved questions of a task. */
  | { readonly kind: 'task'; readonly task: string; readonly split: string }
  /** A file of the user; a .txt file has the one column `text`. */
  | { readonly kind: 'file'; readonly path: string; readonly column: string };

/** One source, and how many sequences of which length are made from it. */
export interface CalibrationPart {
  readonly source: CalibrationSource;
  /** The number of sequences; null for as many as the source gives. */
  readonly sequences: number | null;
  /** Tokens per sequence, with documents packed one after the other; null for one document per sequence. */
  readonly length: number | null;
}

/** The forms that `parseCalibration` accepts, for help texts and errors. */
export const calibrationForms = [
  'wikitext:128x2048 or c4:128x2048 (128 sequences of 2048 tokens, packed)',
  'gsm8k[train]:128 (128 solved questions of a task)',
  'owner/dataset[config,split,column]:128',
  'file.txt, file.jsonl[column] (also .json, .csv, .tsv, .parquet, and .gz), in double quotes if its name holds + , [ or ]',
  'several joined by "+"',
] as const;

const partForm =
  /^(?:"(?<quoted>[^"]+)"|(?<place>[^[\]"]+?))(?:\[(?<words>[^[\]]*)\])?(?::(?<count>\d{1,7})(?:x(?<length>\d{1,7}))?)?$/;
const fileForm = /\.(txt|json|jsonl|ndjson|csv|tsv|parquet)(\.gz)?$/;
/** Characters that only a quoted name may contain. */
const special = /[+,[\]]|^\s|\s$/;
const datasetForm = /^\w[\w.-]*\/\w[\w.-]*$/;
const nameForm = /^\w[\w.-]*$/;

/**
 * A calibration set as users write it, for example `wikitext:128x2048+gsm8k[train]:128`: sources joined
 * by `+` or `,`, each followed by how many sequences, `:N` or packed `:NxL`; the name of a file may stand in double
 * quotes. Looks at no file and no dataset. Throws `CALIBRATION_INVALID`.
 */
export function parseCalibration(spec: string): CalibrationPart[] {
  return partsOf(spec).map((part) => parsePart(part.trim()));
}

/** Split where parts are joined: not within brackets or quotes. */
function partsOf(spec: string): string[] {
  const parts: string[] = [];
  let [begin, closing] = [0, ''];
  for (let i = 0; i < spec.length; i++) {
    const character = spec[i]!;
    if (closing !== '') {
      if (character === closing) closing = '';
    } else if (character === '[' || character === '"') {
      closing = character === '[' ? ']' : '"';
    } else if (character === '+' || character === ',') {
      parts.push(spec.slice(begin, i));
      begin = i + 1;
    }
  }
  return [...parts, spec.slice(begin)];
}

/** The same set in one spelling, which `parseCalibration` reads back. */
export function renderCalibration(parts: readonly CalibrationPart[]): string {
  return parts.map(renderPart).join('+');
}

function parsePart(text: string): CalibrationPart {
  const { quoted, place = quoted, words, count, length } = partForm.exec(text)?.groups ?? {};
  if (place === undefined) throw invalid(text, 'it is not of the form source[…]:NxL');
  if (quoted !== undefined && !fileForm.test(quoted)) throw invalid(text, 'only files stand in quotes');
  if (Number(count) === 0 || Number(length) === 0) throw invalid(text, 'it asks for nothing');
  return {
    source: parseSource(text, place, words?.split(',').map((word) => word.trim()) ?? []),
    sequences: count === undefined ? null : Number(count),
    length: length === undefined ? null : Number(length),
  };
}

function parseSource(text: string, place: string, words: readonly string[]): CalibrationSource {
  if (words.includes('')) throw invalid(text, 'a word in the brackets is empty');
  if (fileForm.test(place)) return parseFile(text, place, words);
  if (datasetForm.test(place)) return parseDataset(text, place, words);
  if (!nameForm.test(place))
    throw invalid(text, 'it is neither a named set, a task or a dataset, nor a file of a known type');
  const [split, ...more] = words;
  if (split === undefined) return { kind: 'named', name: place };
  if (more.length > 0) throw invalid(text, 'a task takes one word in brackets, its split');
  return { kind: 'task', task: place, split };
}

function parseFile(text: string, path: string, words: readonly string[]): CalibrationSource {
  const [column = 'text', ...more] = words;
  if (more.length > 0) throw invalid(text, 'a file takes one word in brackets, its column');
  if (/\.txt(\.gz)?$/.test(path) && column !== 'text') throw invalid(text, 'a .txt file has no columns');
  return { kind: 'file', path, column };
}

function parseDataset(text: string, id: string, words: readonly string[]): CalibrationSource {
  const [config, split, column, ...more] = words;
  if (config === undefined || split === undefined || column === undefined || more.length > 0) {
    throw invalid(text, 'a dataset takes three words in brackets, [config,split,column]');
  }
  // These become parts of paths.
  if (!nameForm.test(config) || !nameForm.test(split)) {
    throw invalid(text, 'a config or split is of letters, digits, "_", "-" and "."');
  }
  return { kind: 'dataset', id, config, split, column };
}

function renderPart({ source, sequences, length }: CalibrationPart): string {
  const count = sequences === null ? '' : `:${sequences}`;
  return `${renderSource(source)}${count}${length === null ? '' : `x${length}`}`;
}

function renderSource(source: CalibrationSource): string {
  switch (source.kind) {
    case 'named':
      return source.name;
    case 'dataset':
      return `${source.id}[${source.config},${source.split},${source.column}]`;
    case 'task':
      return `${source.task}[${source.split}]`;
    case 'file': {
      const path = special.test(source.path) ? `"${source.path}"` : source.path;
      return source.column === 'text' ? path : `${path}[${source.column}]`;
    }
  }
}

function invalid(part: string, problem: string): MoepressError {
  return new MoepressError('CALIBRATION_INVALID', {
    message: `"${part}" is not a calibration set: ${problem}.`,
    where: 'calibration',
    hint: `Give one of: ${calibrationForms.join('; ')}.`,
  });
}
