import type { Model } from '@moepress/core';
import { logitsHeadGraph } from '../decoder/lm-head.js';
import type { Session, TensorHandle } from '../engine/handles.js';
import { int32 } from '../engine/protocol.js';
import type { SessionPool } from '../engine/session-pool.js';

/** A place where a token is to be chosen. */
export interface Choice {
  /** Number of the prompt. */
  readonly index: number;
  /** Natural logits of all tokens [vocabulary]. */
  readonly logits: Float32Array;
  /** The most probable token, as greedy decoding takes it. */
  readonly likeliest: number;
  /** The generated tokens of this sequence, oldest first. */
  readonly newIds: readonly number[];
}

/** Chooses the tokens that continue some of the prompts, by sampling for example. */
export interface Chooser {
  /** Whether it chooses for the prompt with this number; all others continue with the most probable token. */
  wants(index: number): boolean;
  /** The token that follows. Called once for each place, for the places of a sequence in their order. */
  choose(choice: Choice): number | Promise<number>;
}

/** A position whose logits are yet to be computed. */
export interface Place extends Omit<Choice, 'logits'> {
  /** Its row in the hidden states. */
  readonly row: number;
  /** Whether the next token is needed. */
  readonly isOpen: boolean;
}

/** Logits that are computed at once: 16 MiB in fp32. */
const mostLogits = 2 ** 22;

/** Chooses the tokens at places of which the likeliest tokens are known. */
export interface TokenPicker {
  /** Whether any chooser needs the logits. */
  readonly isNeeded: boolean;
  /** The tokens at `places`, whose rows are those of the hidden states [T, H], before the final norm. */
  pick(hidden: TensorHandle, places: readonly Place[]): Promise<number[]>;
  /** The same where the logits of all places are known, [places, vocabulary]. */
  pickBy(logits: Float32Array, places: readonly Place[]): Promise<number[]>;
}

/** Takes the likeliest tokens. */
const greedy: TokenPicker = {
  isNeeded: false,
  pick: async (_, places) => places.map(({ likeliest }) => likeliest),
  pickBy: async (_, places) => places.map(({ likeliest }) => likeliest),
};

/** Calls `use` with what picks tokens, while the head that yields logits is open if somebody chooses by them. */
export async function withPicker<R>(
  sessions: SessionPool,
  model: Model,
  chooser: Chooser | undefined,
  use: (picker: TokenPicker) => Promise<R>,
): Promise<R> {
  if (!chooser) return use(greedy);
  return sessions.with(
    'logits-head',
    () => logitsHeadGraph(model),
    (session) =>
      use({
        isNeeded: true,
        pick: (hidden, places) => chosenTokens({ session, model, chooser }, hidden, places),
        pickBy: (logits, places) => chosenBy(chooser, logits, places),
      }),
  );
}

/** The chooser's token where it makes a choice, else the most probable one. */
async function chosenTokens(
  { session, model, chooser }: { session: Session; model: Model; chooser: Chooser },
  hidden: TensorHandle,
  places: readonly Place[],
): Promise<number[]> {
  const { vocabSize } = model.config;
  const tokens = places.map(({ likeliest }) => likeliest);
  const wanted = [...places.entries()].filter(([, { index, isOpen }]) => isOpen && chooser.wants(index));
  const most = Math.max(1, Math.floor(mostLogits / vocabSize));
  for (let start = 0; start < wanted.length; start += most) {
    const part = wanted.slice(start, start + most);
    const rows = int32(part.map(([, { row }]) => row));
    const [results] = await hidden.worker.run([{ session, feeds: { hidden, rows }, fetch: ['logits'] }]);
    const all = results!.logits!.data as Float32Array;
    for (const [i, [place, { index, likeliest, newIds }]] of part.entries()) {
      const logits = all.subarray(i * vocabSize, (i + 1) * vocabSize);
      tokens[place] = await chooser.choose({ index, likeliest, newIds, logits });
    }
  }
  return tokens;
}

/** The chooser's token where it makes a choice, else the most probable one, by the logits of all places. */
async function chosenBy(chooser: Chooser, logits: Float32Array, places: readonly Place[]): Promise<number[]> {
  const vocabSize = logits.length / places.length;
  const tokens: number[] = [];
  for (const [i, { index, likeliest, newIds, isOpen }] of places.entries()) {
    const own = () => logits.subarray(i * vocabSize, (i + 1) * vocabSize);
    const isWanted = isOpen && chooser.wants(index);
    tokens.push(isWanted ? await chooser.choose({ index, likeliest, newIds, logits: own() }) : likeliest);
  }
  return tokens;
}
