import { MoepressError, parseJson } from '@moepress/core';

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

/** How conversations are read, which a column of lists of messages holds. */
export interface ConversationReading {
  /** Whether only what the assistant says counts. */
  readonly answersOnly: boolean;
  /** The name of the chat template; null: the model's default. */
  readonly template: string | null;
  /** Further variables of the template. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** One source, and how many sequences of which length are made from it. */
export interface CalibrationPart {
  readonly source: CalibrationSource;
  /** The number of sequences; null for as many as the source gives. */
  readonly sequences: number | null;
  /** Tokens per sequence, with documents packed one after the other; null for one document per sequence. */
  readonly length: number | null;
  /** For conversations, where anything differs from reading all of them by the default template. */
  readonly reading?: ConversationReading | undefined;
}

/** The forms that `parseCalibration` accepts, for help texts and errors. */
export const calibrationForms = [
  'wikitext:128x2048 or c4:128x2048 (128 sequences of 2048 tokens, packed)',
  'gsm8k[train]:128 (128 solved questions of a task)',
  'owner/dataset[config,split,column]:128',
  'file.txt, file.jsonl[column] (also .json, .csv, .tsv, .parquet, and .gz), in double quotes if its name holds + , [ or ]',
  'chat.jsonl[messages]:128 (conversations, by the chat template; also [messages,answers] for what the assistant says, [messages,template=name,enable_thinking=false])',
  'several joined by "+", also by their shares of a number of sequences: c4:75%x2048+chat.jsonl[messages]:25%@128',
] as const;

const partForm =
  /^(?:"(?<quoted>[^"]+)"|(?<place>[^[\]"]+?))(?:\[(?<words>[^[\]]*)\])?(?::(?<count>\d{1,7}|\d{1,3}(?:\.\d{1,3})?%)(?:x(?<length>\d{1,7}))?)?$/;
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
  const [, texts = spec, total] = /^(.*)@(\d{1,7})\s*$/s.exec(spec) ?? [];
  const parts = partsOf(texts).map((part) => parsePart(part.trim()));
  return withCounts(spec, parts, total === undefined ? null : Number(total));
}

/** A part that may have a share in place of a number of sequences. */
interface ParsedPart extends CalibrationPart {
  /** In percent. */
  readonly share: number | null;
}

/**
 * Shares as numbers of sequences, which together are the total: each as many as its share gives, rounded down, and one
 * more for those that lost most by it.
 */
function withCounts(spec: string, parts: readonly ParsedPart[], total: number | null): CalibrationPart[] {
  const shares = parts.map(({ share }) => share);
  if (shares.every((share) => share === null)) {
    if (total !== null) throw invalid(spec, 'it has a number of sequences for all, but no shares of them');
    return parts.map(({ share: _, ...part }) => part);
  }
  if (shares.includes(null)) throw invalid(spec, 'where one set has a share, all have');
  if (total === null) throw invalid(spec, 'shares are of a number of sequences, as in @128 at the end');
  const sum = shares.reduce<number>((all, share) => all + share!, 0);
  if (Math.abs(sum - 100) > 0.01) throw invalid(spec, `its shares are ${sum} % together`);
  const exact = shares.map((share) => (total * share!) / sum);
  const counts = exact.map(Math.floor);
  const left = total - counts.reduce((all, count) => all + count, 0);
  const byLoss = exact
    .map((_, i) => i)
    .sort((a, b) => exact[b]! - counts[b]! - (exact[a]! - counts[a]!) || a - b);
  for (const i of byLoss.slice(0, left)) counts[i]!++;
  if (counts.includes(0)) throw invalid(spec, `${total} sequences are too few for its shares`);
  return parts.map(({ share: _, ...part }, i) => ({ ...part, sequences: counts[i]! }));
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

function parsePart(text: string): ParsedPart {
  const { quoted, place = quoted, words, count, length } = partForm.exec(text)?.groups ?? {};
  if (place === undefined) throw invalid(text, 'it is not of the form source[…]:NxL');
  if (quoted !== undefined && !fileForm.test(quoted)) throw invalid(text, 'only files stand in quotes');
  const share = count?.endsWith('%') ? Number(count.slice(0, -1)) : null;
  if (Number(count) === 0 || Number(length) === 0 || share === 0) throw invalid(text, 'it asks for nothing');
  const given = words?.split(',').map((word) => word.trim()) ?? [];
  // The first word is always a column or split.
  const first = given.findIndex((word, i) => i > 0 && isReading(word));
  const [own, more] = first === -1 ? [given, []] : [given.slice(0, first), given.slice(first)];
  const reading = parseReading(text, more);
  return {
    source: parseSource(text, place, own),
    sequences: count === undefined || share !== null ? null : Number(count),
    length: length === undefined ? null : Number(length),
    ...(reading && { reading }),
    share,
  };
}

const answersWord = 'answers';
const isReading = (word: string): boolean => word === answersWord || /^\w+=/.test(word);

function parseReading(text: string, words: readonly string[]): ConversationReading | null {
  if (words.length === 0) return null;
  const wrong = words.find((word) => !isReading(word));
  if (wrong !== undefined) throw invalid(text, `"${wrong}" says nothing about how to read conversations`);
  const pairs = words.filter((word) => word !== answersWord).map(pairOf);
  const template = pairs.find(([name]) => name === 'template')?.[1] ?? null;
  return {
    answersOnly: words.includes(answersWord),
    template: template === null ? null : String(template),
    args: Object.fromEntries(pairs.filter(([name]) => name !== 'template')),
  };
}

/** Values are JSON where they can be read as such, else text. */
function pairOf(word: string): readonly [string, unknown] {
  const equals = word.indexOf('=');
  const value = word.slice(equals + 1);
  try {
    return [word.slice(0, equals), parseJson(value)];
  } catch {
    return [word.slice(0, equals), value];
  }
}

function renderReading(reading: ConversationReading | undefined): string[] {
  if (!reading) return [];
  const { answersOnly, template, args } = reading;
  const pairs = Object.entries({ ...(template !== null && { template }), ...args });
  return [
    ...(answersOnly ? [answersWord] : []),
    ...pairs.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`),
  ];
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

function renderPart({ source, sequences, length, reading }: CalibrationPart): string {
  const count = sequences === null ? '' : `:${sequences}`;
  return `${renderSource(source, renderReading(reading))}${count}${length === null ? '' : `x${length}`}`;
}

function renderSource(source: CalibrationSource, reading: readonly string[]): string {
  const inBrackets = (...words: readonly string[]) => `[${[...words, ...reading].join(',')}]`;
  switch (source.kind) {
    case 'named':
      return source.name;
    case 'dataset':
      return source.id + inBrackets(source.config, source.split, source.column);
    case 'task':
      return source.task + inBrackets(source.split);
    case 'file': {
      const path = special.test(source.path) ? `"${source.path}"` : source.path;
      return source.column === 'text' && reading.length === 0 ? path : path + inBrackets(source.column);
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
