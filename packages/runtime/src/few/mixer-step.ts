import type { Attention, GroupedQueryAttention, LatentAttention, Rope } from '@moepress/core';
import type { Input } from './arena.js';
import { attend, remember } from './attend.js';
import type { Board } from './board.js';
import { type HeldLinear, type Holder, holdLinear, inputIn, inputOf, project } from './linear-rows.js';
import type { BlockCache } from './sequence-caches.js';
import type { Team } from './team.js';
import { rmsNorm, rotate, sigmoid } from './vectors.js';

/** One new token of each of some sequences. */
export interface Growing {
  /** Numbers of the rows, 0, 1, .. */
  readonly rows: readonly number[];
  /** The sequence of each row in the caches, and the position of its new token. */
  readonly places: readonly { readonly sequence: number; readonly position: number }[];
  /** Cosines and sines of a row's angles. */
  angles(rope: Rope, row: number): { readonly cos: Float32Array; readonly sin: Float32Array };
  /** What the queries of a row are multiplied by. */
  queryFactor(spec: Attention, row: number): number;
}

/** What a thread works with. */
export interface Thread {
  readonly team: Team;
  readonly board: Board;
}

/** How queries and keys are normed; of attention with grouped queries. */
export interface HeadNorms {
  readonly epsilon: number;
  /** Added to the stored weights. */
  readonly offset: number;
}

/** The attention of a block: x to `mixed` on the board, of which all rows are there once the threads have met. */
export interface MixerStep {
  run(x: Input, growing: Growing, cache: BlockCache): Promise<void>;
}

export function mixerStep(
  spec: Attention,
  { thread, holder, norms }: { readonly thread: Thread; readonly holder: Holder; readonly norms: HeadNorms },
): MixerStep {
  return spec.kind === 'mla'
    ? new LatentStep(spec, thread, holder)
    : new GroupedStep(spec, thread, holder, norms);
}

/** Rotated and normed, the heads of one token. */
interface TokenHeads {
  /** [heads * D], [kvHeads * D], [kvHeads * V]: of this thread's heads. */
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** Attention of this thread's heads to all tokens up to the new one, into `attended` [heads * V]. */
function attendAll(
  spec: Attention,
  heads: TokenHeads,
  {
    place,
    cache,
    sinks,
    into,
  }: {
    readonly place: Growing['places'][number];
    readonly cache: BlockCache;
    readonly sinks: Float32Array | null;
    readonly into: Float32Array;
  },
): void {
  const { headDim, kvHeads } = spec;
  const valueDim = into.length / spec.heads;
  const { from, to, first, last } = cache.heads;
  for (let head = first; head < last; head++) {
    const key = heads.key.subarray(head * headDim, (head + 1) * headDim);
    const width = heads.value.length / kvHeads;
    const value = heads.value.subarray(head * width, (head + 1) * width);
    remember(cache, place, head, { key, value });
  }
  for (let head = from; head < to; head++) {
    const query = heads.query.subarray(head * headDim, (head + 1) * headDim);
    const sum = attend(cache, spec, { place, head, query, sink: sinks ? sinks[head]! : null });
    into.set(sum.subarray(0, valueDim), head * valueDim);
  }
}

class GroupedStep implements MixerStep {
  readonly #spec: GroupedQueryAttention;
  readonly #thread: Thread;
  readonly #norms: HeadNorms;
  readonly #q: HeldLinear;
  readonly #k: HeldLinear;
  readonly #v: HeldLinear | null;
  readonly #gate: HeldLinear | null;
  readonly #o: HeldLinear;
  readonly #qNorm: Float32Array | null;
  readonly #kNorm: Float32Array | null;
  readonly #sinks: Float32Array | null;

  constructor(spec: GroupedQueryAttention, thread: Thread, holder: Holder, norms: HeadNorms) {
    this.#spec = spec;
    this.#thread = thread;
    this.#norms = norms;
    this.#q = holdLinear(holder, spec.q);
    this.#k = holdLinear(holder, spec.k);
    this.#v = spec.v && holdLinear(holder, spec.v);
    this.#gate = spec.gate ? holdLinear(holder, spec.gate) : null;
    this.#o = holdLinear(holder, spec.o);
    const { q = null, k = null } = spec.qkNorm ?? {};
    this.#qNorm = q && holder.vector(q, norms.offset);
    this.#kNorm = k && holder.vector(k, norms.offset);
    this.#sinks = spec.sinks && holder.vector(spec.sinks);
  }

  async run(x: Input, growing: Growing, cache: BlockCache): Promise<void> {
    const { team, board } = this.#thread;
    const { rows } = growing;
    await project(this.#q, x, rows, board.query);
    await project(this.#k, x, rows, board.key);
    if (this.#v) await project(this.#v, x, rows, board.value);
    if (this.#gate) await project(this.#gate, x, rows, board.gate);
    team.meet();
    const spec = this.#spec;
    const width = this.#o.held.width;
    for (const row of rows) {
      const start = row * board.attended.stride;
      const into = board.attended.data.subarray(start, start + width);
      const place = growing.places[row]!;
      const { gates, ...heads } = this.#headsOf(row, growing, cache);
      // Only the heads of this thread are written.
      attendAll(spec, heads, { place, cache, sinks: this.#sinks, into });
      if (!gates) continue;
      const valueDim = width / spec.heads;
      for (let i = cache.heads.from * valueDim; i < cache.heads.to * valueDim; i++) {
        into[i]! *= sigmoid(gates[i]!);
      }
    }
    team.meet();
    await project(this.#o, inputIn(board.attended, rows.length, width), rows, board.mixed);
    team.meet();
  }

  #headsOf(row: number, growing: Growing, cache: BlockCache): TokenHeads & { gates: Float32Array | null } {
    const { board } = this.#thread;
    const spec = this.#spec;
    const { heads, kvHeads, headDim } = spec;
    const part = (name: 'query' | 'key' | 'value' | 'gate', count: number) => {
      const { data, stride } = board[name];
      return data.slice(row * stride, row * stride + count);
    };
    const all = part('query', this.#q.held.readable.of.shape[0]!);
    const query = spec.outputGate ? alternating(all, headDim, 0) : all;
    const own = spec.outputGate ? alternating(all, headDim, 1) : null;
    const gates = this.#gate ? part('gate', this.#o.held.width) : own;
    const key = part('key', kvHeads * headDim);
    const value = spec.v ? part('value', this.#v!.held.readable.of.shape[0]!) : key.slice();
    const { from, to, first, last } = cache.heads;
    const angles = () => growing.angles(spec.rope, row);
    this.#turn(query, this.#qNorm, { heads, from, to }, angles);
    this.#turn(key, this.#kNorm, { heads: kvHeads, from: first, to: last }, angles);
    const factor = growing.queryFactor(spec, row);
    if (factor !== 1) for (let i = 0; i < query.length; i++) query[i]! *= factor;
    this.#toValues(value, kvHeads);
    return { query, key, value, gates };
  }

  /** Norms, clips and rotates some of the heads of x, or all where these are normed together. */
  #turn(
    x: Float32Array,
    weight: Float32Array | null,
    { heads, from, to }: { readonly heads: number; readonly from: number; readonly to: number },
    angles: () => ReturnType<Growing['angles']>,
  ): void {
    const { qkNorm, headDim, clip, rope, unrotated } = this.#spec;
    const together = qkNorm?.over === 'projection';
    const [first, last] = together ? [0, heads] : [from, to];
    const norm = () => {
      const { epsilon } = this.#norms;
      if (together) rmsNorm(x, weight, { epsilon });
      else
        for (let h = first; h < last; h++) rmsNorm(x, weight, { at: h * headDim, width: headDim, epsilon });
    };
    if (qkNorm && !qkNorm.afterRotation) norm();
    if (clip !== null) clipTo(x, clip);
    if (!unrotated) {
      const turns = angles();
      for (let h = first; h < last; h++) rotate(x, h * headDim, turns, rope.pairing);
    }
    if (qkNorm?.afterRotation) norm();
  }

  #toValues(value: Float32Array, kvHeads: number): void {
    const { valueNorm, valueScale, clip } = this.#spec;
    const width = value.length / kvHeads;
    const { epsilon } = this.#norms;
    if (valueNorm) for (let h = 0; h < kvHeads; h++) rmsNorm(value, null, { at: h * width, width, epsilon });
    if (valueScale !== undefined) for (let i = 0; i < value.length; i++) value[i]! *= valueScale;
    if (clip !== null) clipTo(value, clip);
  }
}

function clipTo(x: Float32Array, bound: number): void {
  for (let i = 0; i < x.length; i++) x[i] = Math.min(Math.max(x[i]!, -bound), bound);
}

/** Of stretches of `width` numbers those of even place, or of odd place. */
function alternating(x: Float32Array, width: number, first: 0 | 1): Float32Array {
  const taken = new Float32Array(x.length / 2);
  for (let at = 0; at < taken.length; at += width) {
    const from = 2 * at + first * width;
    taken.set(x.subarray(from, from + width), at);
  }
  return taken;
}

/** Multi-head latent attention with keys and values of every head spelled out, see `latentHeads`. */
class LatentStep implements MixerStep {
  readonly #spec: LatentAttention;
  readonly #thread: Thread;
  readonly #down: { readonly linear: HeldLinear; readonly norm: Float32Array } | null;
  readonly #up: HeldLinear;
  readonly #kvDown: HeldLinear;
  readonly #kvNorm: Float32Array;
  readonly #kvUp: HeldLinear;
  readonly #o: HeldLinear;

  constructor(spec: LatentAttention, thread: Thread, holder: Holder) {
    this.#spec = spec;
    this.#thread = thread;
    const { down, up } = spec.q;
    this.#down = down && { linear: holdLinear(holder, down.linear), norm: holder.vector(down.norm) };
    this.#up = holdLinear(holder, up);
    this.#kvDown = holdLinear(holder, spec.kvDown.linear);
    this.#kvNorm = holder.vector(spec.kvDown.norm);
    this.#kvUp = holdLinear(holder, spec.kvUp);
    this.#o = holdLinear(holder, spec.o);
  }

  async run(x: Input, growing: Growing, cache: BlockCache): Promise<void> {
    const { team, board } = this.#thread;
    const { rows } = growing;
    const spec = this.#spec;
    if (this.#down) await project(this.#down.linear, x, rows, board.gate);
    else await project(this.#up, x, rows, board.query);
    await project(this.#kvDown, x, rows, board.key);
    team.meet();
    if (this.#down) {
      const { linear, norm } = this.#down;
      const width = linear.held.readable.of.shape[0]!;
      await project(
        this.#up,
        normed(board.gate, norm, { rows, width, epsilon: spec.q.down!.epsilon }),
        rows,
        board.query,
      );
    }
    const latent = this.#kvUp.held.width;
    const { epsilon } = spec.kvDown;
    await project(
      this.#kvUp,
      normed(board.key, this.#kvNorm, { rows, width: latent, epsilon }),
      rows,
      board.value,
    );
    team.meet();
    const width = this.#o.held.width;
    for (const row of rows) {
      const start = row * board.attended.stride;
      const into = board.attended.data.subarray(start, start + width);
      const heads = this.#headsOf(row, growing);
      attendAll(spec, heads, { place: growing.places[row]!, cache, sinks: null, into });
    }
    team.meet();
    await project(this.#o, inputIn(board.attended, rows.length, width), rows, board.mixed);
    team.meet();
  }

  #headsOf(row: number, growing: Growing): TokenHeads {
    const { board } = this.#thread;
    const { heads, headDim, contentDim, valueDim, rope, unrotated } = this.#spec;
    const part = (name: 'query' | 'key' | 'value', from: number, count: number) => {
      const { data, stride } = board[name];
      return data.slice(row * stride + from, row * stride + from + count);
    };
    const query = part('query', 0, heads * headDim);
    const position = part('key', this.#kvUp.held.width, rope.dim);
    const content = part('value', 0, heads * (contentDim + valueDim));
    if (!unrotated) {
      const angles = growing.angles(rope, row);
      for (let h = 0; h < heads; h++) rotate(query, h * headDim + contentDim, angles, rope.pairing);
      rotate(position, 0, angles, rope.pairing);
    }
    const factor = growing.queryFactor(this.#spec, row);
    if (factor !== 1) for (let i = 0; i < query.length; i++) query[i]! *= factor;
    const key = new Float32Array(heads * headDim);
    const value = new Float32Array(heads * valueDim);
    for (let h = 0; h < heads; h++) {
      const from = h * (contentDim + valueDim);
      key.set(content.subarray(from, from + contentDim), h * headDim);
      key.set(position, h * headDim + contentDim);
      value.set(content.subarray(from + contentDim, from + contentDim + valueDim), h * valueDim);
    }
    return { query, key, value };
  }
}

/** The first `width` numbers of each row, normed, in memory of this thread. */
function normed(
  { data, stride }: { readonly data: Float32Array; readonly stride: number },
  weight: Float32Array,
  {
    rows,
    width,
    epsilon,
  }: { readonly rows: readonly number[]; readonly width: number; readonly epsilon: number },
): Input {
  return inputOf(
    rows.map((row) => {
      const own = data.slice(row * stride, row * stride + width);
      rmsNorm(own, weight, { epsilon });
      return own;
    }),
  );
}
