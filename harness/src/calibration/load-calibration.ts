import { setImmediate } from 'node:timers/promises';
import { collectGarbage } from '@moepress/checkpoint';
import type { CalibrationSet, TokenRange, TokenSequence } from '@moepress/core';
import {
  createRng,
  encodeAll,
  MoepressError,
  type Tokenizer,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import type { ChatTemplate } from '../chat/chat-template.js';
import { type CalibrationPart, type ConversationReading, renderCalibration } from './calibration-spec.js';
import { loadTexts, type SourceDocument, type SourceText, type TextSources } from './calibration-texts.js';
import { type Conversation, renderConversation } from './conversations.js';
import { packedSequences, separateSequences } from './sequences.js';

/** The most tokens of a document that is not packed. */
const longestDocument = 2048;

export interface CalibrationOptions extends TextSources, Work {
  readonly tokenizer: Tokenizer;
  /** Longest sequence that the model reads. */
  readonly maxPositions: number;
  /** Seed of the choice of documents, where fewer are taken than there are. */
  readonly seed: number;
  /** Opens a chat template of the model, where a source holds conversations. */
  readonly openTemplate?:
    | ((choice: Pick<ConversationReading, 'template' | 'args'>) => Promise<OpenedTemplate>)
    | undefined;
}

/** A chat template that runs until it is closed. */
export interface OpenedTemplate extends ChatTemplate {
  close(): Promise<void>;
}

/** A document as ids. */
interface EncodedDocument extends TokenSequence {
  /** What the assistant says, where only that counts. */
  readonly answers: readonly TokenRange[];
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
  const answersOnly = parts.some(({ reading }) => reading?.answersOnly);
  const counted = sequences.map(({ ids, answers }): readonly TokenRange[] =>
    answers.length > 0 ? answers : answersOnly && ids.length === 0 ? [] : [[0, ids.length]],
  );
  return { ...set, sequences: sequences.map(({ ids }) => ids), ...(answersOnly && { counted }) };
}

/**
 * The same set for training: documents end with the end-of-text token, so that a model learns to stop, and of a
 * task's solved question only the answer is learned, unless sequences are packed. Conversations end as their template ends
 * them; where only answers count, the last answer is learned. Documents too long to include any of their answer are left out. Throws the errors of `loadCalibration`.
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
  const learned = sequences.map(({ ids, from, answers }) => {
    const [begin, end] = answers.at(-1) ?? [from, ids.length];
    return { ids: ids.slice(0, end), from: Math.max(1, begin) };
  });
  const learnable = learned.filter(({ ids, from }) => from < ids.length);
  if (learnable.length > 0) return { ...set, sequences: learnable };
  throw new MoepressError('CALIBRATION_INVALID', {
    message: 'No document is long enough for training, or all are cut before their answers.',
    where: set.source,
  });
}

type Encode = (text: SourceText) => Promise<TokenSequence>;

async function loadSet(
  parts: readonly CalibrationPart[],
  options: CalibrationOptions,
  encode: Encode,
): Promise<CalibrationSet<EncodedDocument>> {
  const sequences: EncodedDocument[] = [];
  for (const part of parts) sequences.push(...(await loadPart(part, options, encode)));
  return { source: renderCalibration(parts), seed: options.seed, sequences };
}

async function loadPart(
  part: CalibrationPart,
  options: CalibrationOptions,
  encode: Encode,
): Promise<EncodedDocument[]> {
  const { progress, signal, seed, maxPositions } = options;
  checkLength(part, maxPositions);
  const documents = await loadTexts(part.source, options, { progress, signal });
  const chosen = inOrder(documents, part, seed);
  if (!documents.some(isConversation)) {
    if (part.reading) throw noConversations(part);
    const texts = chosen as readonly SourceText[];
    return take(part, texts.length, sequencesOf(part, lazily(texts, encode), options), options);
  }
  const reading = part.reading ?? { answersOnly: false, template: null, args: {} };
  if (part.length !== null && reading.answersOnly) {
    throw invalid(
      part,
      'Packed sequences have no answers of their own.',
      'Leave out the length, or `answers`.',
    );
  }
  if (!options.openTemplate) throw invalid(part, 'There is no chat template to read conversations by.');
  const template = await options.openTemplate(reading);
  try {
    const read = (conversation: SourceDocument) =>
      encodeConversation(template, conversation as Conversation, reading, options);
    return await take(part, chosen.length, sequencesOf(part, lazily(chosen, read), options), options);
  } finally {
    await template.close();
  }
}

const isConversation = (document: SourceDocument): document is Conversation => 'messages' in document;

/** Template and tokens of a conversation; the template writes special tokens itself. */
async function encodeConversation(
  template: ChatTemplate,
  conversation: Conversation,
  reading: ConversationReading,
  { tokenizer, signal }: CalibrationOptions,
): Promise<EncodedDocument> {
  const { text, answers } = await renderConversation(template, conversation, reading);
  const bounds = answers.flat();
  const texts = [text, ...bounds.map((bound) => text.slice(0, bound))];
  const [ids = [], ...begun] = await encodeAll(tokenizer, texts, { addSpecialTokens: false, signal });
  // The last tokens before a border may merge with the first behind it.
  const places = begun.map((own) => {
    const differs = own.findIndex((id, place) => id !== ids[place]);
    return differs === -1 ? own.length : differs;
  });
  const ranges = answers.map((_, i): TokenRange => [places[2 * i]!, places[2 * i + 1]!]);
  return { ids, from: 1, answers: ranges.filter(([from, to]) => from < to) };
}

/** Documents one by one, or packed. */
function sequencesOf(
  { length }: CalibrationPart,
  documents: AsyncIterable<TokenSequence & Partial<Pick<EncodedDocument, 'answers'>>>,
  { maxPositions, tokenizer }: CalibrationOptions,
): AsyncIterable<EncodedDocument> {
  if (length === null) return separateSequences(documents, Math.min(maxPositions, longestDocument));
  return packedSequences(documents, tokenizer.eosTokenId, length);
}

/** As many sequences as a part asks for. */
async function take(
  part: CalibrationPart,
  documents: number,
  available: AsyncIterable<EncodedDocument>,
  { progress, signal }: CalibrationOptions,
): Promise<EncodedDocument[]> {
  const wanted = part.sequences ?? documents;
  const task = 'Tokenising';
  progress?.({ type: 'start', task, total: wanted, unit: 'sequences' });
  const taken: EncodedDocument[] = [];
  for await (const sequence of available) {
    // Without an answer in what is read of it, a conversation says nothing.
    if (part.reading?.answersOnly && sequence.answers.length === 0) continue;
    taken.push(sequence);
    progress?.({ type: 'advance', task, done: taken.length });
    // Gives the process time to handle Ctrl-C.
    await setImmediate();
    throwIfAborted(signal);
    if (taken.length === wanted) break;
  }
  // What tokenisers leave would count as memory that the calibration keeps.
  collectGarbage();
  progress?.({ type: 'end', task });
  if (taken.length === 0 || taken.length < (part.sequences ?? 0)) throw tooShort(part, taken.length);
  return taken;
}

/** The seed decides which documents are taken, and which come first where sequences are packed. */
function inOrder(texts: readonly SourceDocument[], { sequences, length }: CalibrationPart, seed: number) {
  const takesAll = length === null && (sequences === null || sequences >= texts.length);
  if (takesAll) return texts;
  return createRng(seed)
    .permutation(texts.length)
    .map((i) => texts[i]!);
}

async function* lazily<Document, T>(
  texts: Iterable<Document>,
  encode: (text: Document) => Promise<T>,
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

const noConversations = (part: CalibrationPart): MoepressError =>
  invalid(part, 'It holds texts, and is to be read as conversations.', 'Leave out what follows the column.');

function invalid(part: CalibrationPart, message: string, hint?: string): MoepressError {
  return new MoepressError('CALIBRATION_INVALID', { message, where: renderCalibration([part]), hint });
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
