import type { Model, TokenSequence, Work } from '@moepress/core';
import { logitsHeadGraph } from '../decoder/lm-head.js';
import type { Feeds, InWorker, Session } from '../engine/handles.js';
import { int32, tensor } from '../engine/protocol.js';
import { assertHeadFinite } from './finite.js';
import type { ModelRun } from './model-run.js';
import { scoreSequences, type TokenScore } from './score.js';

/** A token as a model scores it, and how far the model's distribution there is from that of another one, the original. */
export interface ComparedToken extends TokenScore {
  /** KL(original || model) = sum over v of p(v) (log p(v) - log q(v)), in nats; p is the original's. */
  readonly divergence: number;
  /** Whether both find the same token the most probable. */
  readonly agrees: boolean;
}

export interface ComparingWork extends Work {
  /** Told the milliseconds that scoring took without the comparison. */
  readonly onScored?: ((milliseconds: number) => void) | undefined;
}

/** Bytes of hidden states that are held of both models between the blocks and the heads. */
const heldStates = 256 * 2 ** 20;

/** Numbers of one model's logits that are held at a time. */
const heldLogits = 2 ** 22;

/**
 * Scores sequences as `scoreSequences` does, and compares the distribution over the vocabulary at each scored token with
 * that of another model over the same vocabulary. Each of the models goes through its blocks by itself, and what is left
 * of either in between are the last hidden states, so that neither is held for the other's sake. Logits are compared in
 * double precision; equal ones give exactly 0.
 */
export async function compareSequences(
  run: ModelRun,
  original: ModelRun,
  items: readonly TokenSequence[],
  { onScored, ...work }: ComparingWork = {},
): Promise<ComparedToken[][]> {
  const compared: ComparedToken[][] = [];
  const width = run.model.config.hiddenSize + original.model.config.hiddenSize;
  for (const portion of inPortions(items, Math.floor(heldStates / (4 * width)))) {
    const started = performance.now();
    const own = await scoredStates(run, portion, work);
    onScored?.(performance.now() - started);
    const other = await scoredStates(original, portion, work);
    compared.push(...(await compareStates({ run, original, own, other }, work)));
  }
  return compared;
}

/** Neighbouring items with at most `tokens` scored tokens together, each at least alone. */
function* inPortions(items: readonly TokenSequence[], tokens: number): Generator<readonly TokenSequence[]> {
  let portion: TokenSequence[] = [];
  let held = 0;
  for (const item of items) {
    const scored = item.ids.length - item.from;
    if (portion.length > 0 && held + scored > tokens) {
      yield portion;
      portion = [];
      held = 0;
    }
    portion.push(item);
    held += scored;
  }
  if (portion.length > 0) yield portion;
}

/** The scored tokens of items, and the hidden states that predict each. */
interface ScoredStates {
  readonly scores: readonly (readonly TokenScore[])[];
  readonly states: readonly (readonly Float32Array[])[];
}

async function scoredStates(
  run: ModelRun,
  items: readonly TokenSequence[],
  work: Work,
): Promise<ScoredStates> {
  const states = items.map((): Float32Array[] => []);
  const onStates = (item: number, row: Float32Array) => states[item]!.push(row);
  return { scores: await scoreSequences(run, items, { ...work, onStates }), states };
}

interface Comparing {
  readonly run: ModelRun;
  readonly original: ModelRun;
  readonly own: ScoredStates;
  readonly other: ScoredStates;
}

/** Hidden states of both models at one place, which several tokens may follow. */
interface Place {
  readonly own: Float32Array;
  readonly other: Float32Array;
}

type Compared = Pick<ComparedToken, 'divergence' | 'agrees'>;

async function compareStates(
  { run, original, own, other }: Comparing,
  { signal }: Work,
): Promise<ComparedToken[][]> {
  const places = new Map<Float32Array, Place>();
  for (const [i, rows] of own.states.entries()) {
    for (const [t, row] of rows.entries()) {
      if (!places.has(row)) places.set(row, { own: row, other: other.states[i]![t]! });
    }
  }
  const all = [...places.values()];
  const size = Math.max(1, Math.floor(heldLogits / run.model.config.vocabSize));
  const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, i) => ({
    worker: run.engine.workerFor(i),
    places: all.slice(i * size, (i + 1) * size),
  }));
  const found = new Map<Float32Array, Compared>();
  await withHeads(run, original, async (head, originalHead) => {
    await run.engine.spread(chunks, async ({ worker, places: chunk }) => {
      signal?.throwIfAborted();
      const [q, p] = [
        await logitsOf(
          run.model,
          { worker, head },
          chunk.map((place) => place.own),
        ),
        await logitsOf(
          original.model,
          { worker, head: originalHead },
          chunk.map((place) => place.other),
        ),
      ];
      for (const [i, place] of chunk.entries()) found.set(place.own, compareRows(rowOf(p, i), rowOf(q, i)));
    });
  });
  return own.scores.map((tokens, i) =>
    tokens.map((token, t) => ({ ...token, ...found.get(own.states[i]![t]!)! })),
  );
}

/** Calls `use` with the sessions of both heads. */
function withHeads<R>(
  run: ModelRun,
  original: ModelRun,
  use: (head: Session, originalHead: Session) => Promise<R>,
): Promise<R> {
  const name = 'logits-head';
  return run.sessions.with(
    name,
    () => logitsHeadGraph(run.model),
    (head) =>
      original.sessions.with(
        `original-${name}`,
        () => logitsHeadGraph(original.model),
        (originalHead) => use(head, originalHead),
      ),
  );
}

interface Logits {
  readonly data: Float32Array;
  readonly width: number;
}

const rowOf = ({ data, width }: Logits, row: number): Float32Array =>
  data.subarray(row * width, (row + 1) * width);

async function logitsOf(
  model: Model,
  { worker, head }: InWorker & { readonly head: Session },
  states: readonly Float32Array[],
): Promise<Logits> {
  const width = model.config.hiddenSize;
  const hidden = new Float32Array(states.length * width);
  for (const [i, row] of states.entries()) hidden.set(row, i * width);
  const feeds: Feeds = {
    hidden: tensor('float32', [states.length, width], hidden),
    rows: int32(states.map((_, row) => row)),
  };
  const [results] = await worker.run([{ session: head, feeds, fetch: ['logits'] }]);
  const { data, dims } = results!.logits!;
  await assertHeadFinite(model, data as Float32Array);
  return { data: data as Float32Array, width: dims[1]! };
}

/** `p` and `q`: logits of the original and of the model, one for each token of the vocabulary. */
export function compareRows(p: Float32Array, q: Float32Array): Compared {
  const [ofP, ofQ] = [normaliserOf(p), normaliserOf(q)];
  let divergence = 0;
  for (let v = 0; v < p.length; v++) {
    const logP = p[v]! - ofP.logSum;
    divergence += Math.exp(logP) * (logP - (q[v]! - ofQ.logSum));
  }
  // It is never negative, but for rounding.
  return { divergence: Math.max(0, divergence), agrees: ofP.best === ofQ.best };
}

/** The logarithm of the sum of exponentials, and the first of the largest. */
function normaliserOf(logits: Float32Array): { readonly logSum: number; readonly best: number } {
  let best = 0;
  for (let v = 1; v < logits.length; v++) if (logits[v]! > logits[best]!) best = v;
  const largest = logits[best]!;
  let sum = 0;
  for (let v = 0; v < logits.length; v++) sum += Math.exp(logits[v]! - largest);
  return { logSum: largest + Math.log(sum), best };
}
