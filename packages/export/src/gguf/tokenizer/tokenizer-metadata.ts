import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  describeTokenizer,
  ggufTokenTypes,
  openTokenizer,
  type TokenizerDescription,
  wholeTokenizerKey,
} from '@moepress/checkpoint';
import { type Model, MoepressError, type Tokenizer } from '@moepress/core';
import {
  bool,
  floats,
  type GgufMetadata,
  type GgufValue,
  ints,
  text,
  texts,
  uint,
} from '../file/metadata.js';
import { checkText, preTokenizersByHash, preTokenizersByPattern } from './pre-tokenizers.js';
import { readMerges, readVocabulary, type TokenizerJson, type Vocabulary } from './vocabulary.js';

/** What a GGUF file says of a tokenizer, and what is to be known of it. */
export interface GgufTokenizer {
  readonly metadata: GgufMetadata;
  /** A sentence each. */
  readonly notes: readonly string[];
}

/** Of a model without tokenizer: a file that takes ids of tokens and nothing else. */
const none: GgufTokenizer = {
  metadata: new Map([['tokenizer.ggml.model', text('none')]]),
  notes: ['The model has no tokenizer.json: the file takes ids of tokens, and no texts.'],
};

/**
 * What a file says of the tokenizer of a model, with its chat templates by name (`default` is the main one). Byte-level BPE
 * and SentencePiece's BPE are known. Throws `CONFIG_UNSUPPORTED` for other models of tokens, and what `openTokenizer` throws.
 */
export async function ggufTokenizer(
  model: Model,
  templates: ReadonlyMap<string, string> = new Map(),
): Promise<GgufTokenizer> {
  const { directory } = model.source;
  const described = await describeTokenizer(directory);
  if (!described) return none;
  const where = join(directory, 'tokenizer.json');
  const kind = kindOf(described, where);
  const vocabulary = readVocabulary(
    described.json as unknown as TokenizerJson,
    model.config.vocabSize,
    where,
  );
  const tokenizer = await openTokenizer(directory);
  const metadata = new Map<string, GgufValue>();
  const notes: string[] = [];
  const put = (key: string, value: GgufValue) => metadata.set(`tokenizer.ggml.${key}`, value);
  put('model', text(kind === 'bytes' ? 'gpt2' : 'llama'));
  const pre = kind === 'bytes' ? preTokenizerOf(described, tokenizer) : 'default';
  put('pre', text(pre ?? 'default'));
  if (pre === null) {
    notes.push(unknownSplit);
    const whole = JSON.stringify(described.json);
    if (Buffer.byteLength(whole) <= mostWhole) metadata.set(wholeTokenizerKey, text(whole));
  }
  put('tokens', texts(vocabulary.tokens));
  const merges = readMerges((described.json.model as { merges?: unknown }).merges);
  if (kind === 'bytes') put('merges', texts(merges));
  else put('scores', floats(scoresOf(vocabulary, merges)));
  put('token_type', ints(kind === 'bytes' ? vocabulary.types : withBytes(vocabulary)));
  for (const [key, value] of specialTokens(model, described, { tokenizer, vocabulary })) put(key, value);
  if (kind === 'pieces')
    put('add_space_prefix', bool(tokenizer.encode('a', plain).length > 0 && prefixes(described)));
  for (const [name, source] of templates) {
    metadata.set(`tokenizer.chat_template${name === 'default' ? '' : `.${name}`}`, text(source));
  }
  const others = [...templates.keys()].filter((name) => name !== 'default');
  if (others.length > 0) metadata.set('tokenizer.chat_templates', texts(others));
  return { metadata, notes };
}

const unknownSplit =
  'How the tokenizer splits texts into words is none of the ways that llama.cpp has names for: the file says "default", and texts may become other tokens there.';

/** Bytes of a tokenizer.json that is put into a file; longer texts are not read from files. */
const mostWhole = 16 * 2 ** 20;

const plain = { addSpecialTokens: false };

type Kind = 'bytes' | 'pieces';

function kindOf({ json }: TokenizerDescription, where: string): Kind {
  const { type, byte_fallback: falls } = json.model as { type?: unknown; byte_fallback?: unknown };
  if (type === 'BPE') return falls === true ? 'pieces' : 'bytes';
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `A tokenizer of the kind ${String(type)} is not written to GGUF files.`,
    where,
    hint: 'Export the model as `hf` for another engine.',
  });
}

/** Null for a way to split texts that has no name in llama.cpp. */
function preTokenizerOf({ json }: TokenizerDescription, tokenizer: Tokenizer): string | null {
  const bare = tokenizer.encode(checkText, plain);
  const { bosTokenId } = tokenizer;
  // The check was made with the special tokens that other versions of transformers add.
  const forms = [tokenizer.encode(checkText), bare, ...(bosTokenId === null ? [] : [[bosTokenId, ...bare]])];
  const named = forms.map((ids) => preTokenizersByHash[hashOf(ids)]).find((name) => name !== undefined);
  if (named !== undefined) return named;
  const steps = stepsOf(json.pre_tokenizer);
  const pattern = steps.find(({ type }) => type === 'Split')?.pattern?.Regex;
  if (pattern !== undefined) return preTokenizersByPattern[pattern] ?? null;
  const isPlain = json.normalizer === null && steps.length === 1 && steps[0]!.type === 'ByteLevel';
  return isPlain && steps[0]!.use_regex !== false && !steps[0]!.add_prefix_space ? 'gpt-2' : null;
}

const hashOf = (ids: readonly number[]): string =>
  createHash('sha256')
    .update(`[${ids.join(', ')}]`)
    .digest('hex');

interface Step {
  readonly type?: string;
  readonly pattern?: { readonly Regex?: string };
  readonly use_regex?: boolean;
  readonly add_prefix_space?: boolean;
}

function stepsOf(given: unknown): Step[] {
  if (typeof given !== 'object' || given === null) return [];
  const { pretokenizers } = given as { pretokenizers?: readonly Step[] };
  return Array.isArray(pretokenizers) ? pretokenizers : [given as Step];
}

/** A piece that is merged earlier has a higher score; those that nothing is merged into come last. */
function scoresOf({ tokens }: Vocabulary, merges: readonly string[]): number[] {
  const ranks = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const piece = merge.replace(' ', '');
    if (!ranks.has(piece)) ranks.set(piece, -rank);
  }
  return tokens.map((token) => ranks.get(token) ?? -1e6);
}

const withBytes = ({ tokens, types }: Vocabulary): number[] =>
  tokens.map((token, id) => {
    if (/^<0x[0-9A-F]{2}>$/.test(token)) return ggufTokenTypes.byte;
    return token === '<unk>' ? ggufTokenTypes.unknown : types[id]!;
  });

/** Whether a space is put before a text. */
function prefixes({ json }: TokenizerDescription): boolean {
  const inNormalizer = JSON.stringify(json.normalizer ?? null).includes('"Prepend"');
  const [step] = stepsOf(json.pre_tokenizer) as { prepend_scheme?: string }[];
  return inNormalizer || (step?.prepend_scheme !== undefined && step.prepend_scheme !== 'never');
}

const roles = {
  bos_token: 'bos',
  eos_token: 'eos',
  unk_token: 'unknown',
  sep_token: 'seperator',
  pad_token: 'padding',
  mask_token: 'mask',
};

/** Ids of special tokens, and which of them every text gets. */
function* specialTokens(
  { config }: Model,
  { named }: TokenizerDescription,
  { tokenizer, vocabulary }: { tokenizer: Tokenizer; vocabulary: Vocabulary },
): Generator<readonly [string, GgufValue]> {
  const ids = new Map(vocabulary.tokens.map((token, id) => [token, id]));
  const own = (role: keyof typeof roles) => (named[role] === undefined ? undefined : ids.get(named[role]));
  const [firstEnd] = config.eosTokenIds;
  const bos = own('bos_token') ?? config.bosTokenId ?? undefined;
  const eos = own('eos_token') ?? firstEnd;
  const all = {
    ...Object.fromEntries(Object.keys(roles).map((role) => [role, own(role as keyof typeof roles)])),
    bos_token: bos,
    eos_token: eos,
  };
  for (const [role, id] of Object.entries(all)) {
    if (id !== undefined && id < vocabulary.tokens.length) {
      yield [`${roles[role as keyof typeof roles]}_token_id`, uint(id)];
    }
  }
  const turnEnd = config.eosTokenIds.find((id) => id !== eos);
  if (turnEnd !== undefined) yield ['eot_token_id', uint(turnEnd)];
  const [whole, bare] = [tokenizer.encode('a'), tokenizer.encode('a', plain)];
  const isAdded = whole.length > bare.length;
  yield ['add_bos_token', bool(isAdded && bos !== undefined && whole[0] === bos)];
  yield ['add_eos_token', bool(isAdded && eos !== undefined && whole.at(-1) === eos)];
}
