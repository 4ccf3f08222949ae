import type { Attention, Block, Model, Rope, TensorExpr } from '@moepress/core';
import { hasAttention, hasFfn } from '@moepress/core/model';
import { ropeKey } from '../tokens/ropes.js';
import { queryFactors, rotaryTables } from '../tokens/rotary-tables.js';
import type { Input } from './arena.js';
import { remember } from './attend.js';
import { type Board, boardIn } from './board.js';
import { widestOf } from './few-plan.js';
import { FfnStep } from './ffn-step.js';
import { type Holder, inputOf, multiply } from './linear-rows.js';
import { type Growing, type HeadNorms, type MixerStep, mixerStep, type Thread } from './mixer-step.js';
import { type BlockCache, SequenceCaches } from './sequence-caches.js';
import { Team } from './team.js';
import { addScaled, rmsNorm, subtractMean } from './vectors.js';
import { type Group, type Held, numbersIn, WeightStore } from './weight-store.js';
import { type RunSession, type WideSessions, wideMatrices, wideProduct } from './wide-products.js';

/** What a thread needs to take part. */
export interface FewSetup {
  readonly model: Model;
  /** Shared by all threads, `boardBytes` of zeros. */
  readonly shared: SharedArrayBuffer;
  readonly index: number;
  readonly count: number;
  /** Bytes of weights that this thread may hold. */
  readonly bytes: number;
  /** Sequences that are continued at once, at most. */
  readonly most: number;
}

/** The newest token of a sequence. */
export interface FewToken {
  readonly sequence: number;
  readonly id: number;
  /** Tokens of the sequence before it. */
  readonly position: number;
}

/** What follows each token: the most probable one, the sum of all logits, and the logits if they are asked for. */
export interface FewResult {
  readonly tokens: Int32Array;
  readonly sum: number;
  readonly logits: Float32Array | null;
}

interface HeldNorm {
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
}

interface BlockStep {
  readonly block: Block;
  readonly mixer: MixerStep | null;
  readonly ffn: FfnStep | null;
  readonly attentionNorm: HeldNorm | null;
  readonly ffnNorm: HeldNorm | null;
  readonly after: { readonly attention: HeldNorm | null; readonly ffn: HeldNorm | null } | null;
  readonly outputScale: Float32Array | null;
}

/** A model as one thread of a team continues a few sequences with it, a token of each at a time. */
export class FewModel {
  readonly #model: Model;
  readonly #team: Team;
  readonly #board: Board;
  readonly #store: WeightStore;
  readonly #caches: SequenceCaches;
  readonly #vectors = new Map<string, { expr: TensorExpr; into: Float32Array; more: number }>();
  readonly #kept: Group[] = [];
  readonly #steps: readonly BlockStep[];
  readonly #finalNorm: HeldNorm;
  readonly #head: Held;
  readonly #headBias: Float32Array | null;
  readonly #onDrop: (bytes: number) => void;
  #blocks: (BlockCache | null)[] = [];

  /**
   * Reads nothing yet; `onDrop` hears of memory that nobody reads any more. Throws a `RangeError` if the machine has no memory for
   * the weights.
   */
  constructor(
    { model, shared, index, count, bytes, most }: FewSetup,
    onDrop: (bytes: number) => void = () => {},
  ) {
    this.#model = model;
    this.#onDrop = onDrop;
    this.#caches = new SequenceCaches(onDrop);
    this.#team = new Team(shared, index, count);
    this.#board = boardIn(shared, model, most);
    this.#store = new WeightStore(this.#team, bytes, widestOf(model, most, count));
    const holder: Holder = {
      keep: (group) => this.#kept.push(group),
      matrix: (expr) => {
        const group = this.#store.group([expr]);
        this.#kept.push(group);
        return group.matrices[0]!;
      },
      vector: (expr, more = 0) => this.#vector(expr, more),
    };
    this.#steps = model.blocks.map((block) => this.#step(block, holder));
    this.#finalNorm = this.#norm(model.finalNorm, model.finalNormBias ?? null);
    this.#head = holder.matrix(model.head);
    this.#headBias = model.headBias ? holder.vector(model.headBias) : null;
  }

  #vector(expr: TensorExpr, more: number): Float32Array {
    const key = `${JSON.stringify(expr)} ${more}`;
    const known = this.#vectors.get(key);
    if (known) return known.into;
    const into = new Float32Array(expr.shape.reduce((count, n) => count * n, 1));
    this.#vectors.set(key, { expr, into, more });
    return into;
  }

  #norm(weight: TensorExpr, bias: TensorExpr | null): HeldNorm {
    const { normOffset = 0 } = this.#model.config;
    return { weight: this.#vector(weight, normOffset), bias: bias && this.#vector(bias, 0) };
  }

  #step(block: Block, holder: Holder): BlockStep {
    const { norms: own, outputScale } = block;
    const { rmsNormEps, normOffset = 0 } = this.#model.config;
    const norms: HeadNorms = { epsilon: rmsNormEps, offset: normOffset };
    const thread: Thread = { team: this.#team, board: this.#board };
    const norm = (part: 'attention' | 'ffn') => {
      const weight = own[part];
      return weight && this.#norm(weight, own.bias?.[part] ?? null);
    };
    return {
      block,
      mixer: hasAttention(block) ? mixerStep(block.attention, { thread, holder, norms }) : null,
      ffn: hasFfn(block)
        ? new FfnStep(block.ffn, { thread, store: this.#store, holder, norms, parts: own.parts ?? null })
        : null,
      attentionNorm: norm('attention'),
      ffnNorm: norm('ffn'),
      after: own.after
        ? {
            attention: own.after.attention && this.#norm(own.after.attention, null),
            ffn: own.after.ffn && this.#norm(own.after.ffn, null),
          }
        : null,
      outputScale: outputScale ? holder.vector(outputScale) : null,
    };
  }

  /** Reads what all tokens meet. Throws what reading throws, and a `RangeError` if the memory has no room for it. */
  async open(): Promise<void> {
    for (const { expr, into, more } of this.#vectors.values()) {
      into.set(await numbersIn(expr));
      if (more !== 0) for (let i = 0; i < into.length; i++) into[i]! += more;
    }
    for (const group of this.#kept) await this.#store.load(group, false);
  }

  /** Lets graphs make some products, see `WideSessions`. */
  widen(sessions: WideSessions, run: RunSession): void {
    const matrices = wideMatrices(this.#model);
    for (const [i, session] of sessions.entries()) {
      const held = session !== null && this.#store.heldOf(matrices[i]!);
      if (held) held.wide = wideProduct((x, width) => run(session, x, width));
    }
  }

  /** Makes room for so many sequences of `capacity` tokens, and forgets the others. */
  begin(sequences: number, capacity: number): void {
    const attentions = this.#model.blocks.map((block) => (hasAttention(block) ? block.attention : null));
    this.#blocks = this.#caches.open(attentions, this.#team.shareOf, { sequences, capacity });
  }

  /** Takes keys and values [kvHeads, tokens, D] of a sequence from a position on, of the i-th block. */
  take(
    i: number,
    {
      sequence,
      start,
      key,
      value,
    }: {
      readonly sequence: number;
      readonly start: number;
      readonly key: Float32Array;
      readonly value: Float32Array;
    },
  ): void {
    const cache = this.#blocks[i]!;
    const { kvHeads } = this.#model.blocks[i]!.attention as Attention;
    const { headDim } = this.#model.blocks[i]!.attention as Attention;
    const tokens = key.length / (kvHeads * headDim);
    const valueDim = tokens === 0 ? 0 : value.length / (kvHeads * tokens);
    for (let head = cache.heads.first; head < cache.heads.last; head++) {
      for (let token = 0; token < tokens; token++) {
        const row = head * tokens + token;
        remember(cache, { sequence, position: start + token }, head, {
          key: key.subarray(row * headDim, (row + 1) * headDim),
          value: value.subarray(row * valueDim, (row + 1) * valueDim),
        });
      }
    }
  }

  /** What follows the newest token of each sequence, whose keys and values join the others. All threads call it alike. */
  async next(newest: readonly FewToken[], wantsLogits: boolean): Promise<FewResult> {
    try {
      return await this.#next(newest, wantsLogits);
    } catch (error) {
      this.#team.giveUp();
      throw error;
    }
  }

  async #next(newest: readonly FewToken[], wantsLogits: boolean): Promise<FewResult> {
    const { config } = this.#model;
    const growing = growingOf(newest);
    const hidden: Float32Array[] = [];
    for (const { id } of newest) {
      const row = await this.#store.rows(this.#model.embed, id, id + 1);
      const factor = config.multipliers?.embedding;
      hidden.push(factor === undefined ? row : row.map((value) => value * factor));
    }
    for (const [i, step] of this.#steps.entries())
      await this.#through(step, hidden, growing, this.#blocks[i]!);
    return this.#heads(hidden, growing.rows, wantsLogits);
  }

  /** Takes the hidden states through a block, in place. */
  async #through(
    { block, mixer, ffn, ...own }: BlockStep,
    hidden: Float32Array[],
    growing: Growing,
    cache: BlockCache | null,
  ): Promise<void> {
    const { norms, outputScale } = block;
    const came = hidden.map((row) => row.slice());
    const { rows } = growing;
    const inputBy = (norm: HeldNorm | null, of: readonly Float32Array[]): Input =>
      inputOf(of.map((row) => (norms.place === 'after' || !norm ? row.slice() : this.#normed(row, norm))));
    if (mixer) {
      await mixer.run(inputBy(own.attentionNorm, hidden), growing, cache!);
      const { data, stride } = this.#board.mixed;
      const behind = norms.place === 'after' ? own.attentionNorm : own.after?.attention;
      for (const row of rows) {
        this.#add(hidden[row]!, data.slice(row * stride, row * stride + hidden[row]!.length), behind);
      }
    }
    if (!ffn) return;
    const x = norms.parallel
      ? inputBy(own.attentionNorm, came)
      : norms.parts
        ? inputOf(hidden.map((row) => this.#unweighted(row)))
        : inputBy(own.ffnNorm, hidden);
    const behind = norms.place === 'after' ? own.ffnNorm : own.after?.ffn;
    for (const [row, made] of (await ffn.run(x, rows)).entries()) this.#add(hidden[row]!, made, behind);
    if (!outputScale) return;
    for (const row of hidden) for (let i = 0; i < row.length; i++) row[i]! *= own.outputScale![0]!;
  }

  #add(hidden: Float32Array, made: Float32Array, norm: HeldNorm | null | undefined): void {
    const branch = norm ? this.#normed(made, norm) : made;
    addScaled(hidden, branch, this.#model.config.multipliers?.residual ?? 1);
  }

  #normed(row: Float32Array, { weight, bias }: HeldNorm): Float32Array {
    const { rmsNormEps: epsilon, layerNorm } = this.#model.config;
    const own = row.slice();
    if (layerNorm) subtractMean(own);
    rmsNorm(own, weight, { epsilon });
    if (bias) addScaled(own, bias);
    return own;
  }

  #unweighted(row: Float32Array): Float32Array {
    const own = row.slice();
    rmsNorm(own, null, { epsilon: this.#model.config.rmsNormEps });
    return own;
  }

  /** The head: each thread finds the likeliest of its own tokens, then all the likeliest of these. */
  async #heads(
    hidden: readonly Float32Array[],
    rows: readonly number[],
    wantsLogits: boolean,
  ): Promise<FewResult> {
    const { multipliers, logitCap: cap, vocabSize } = this.#model.config;
    const normed = hidden.map((row) => this.#normed(row, this.#finalNorm));
    if (multipliers)
      for (const row of normed) for (let i = 0; i < row.length; i++) row[i]! *= multipliers.logits;
    const { from } = this.#head;
    const { data, stride } = this.#board.logits;
    for (const [row, logits] of (await multiply(this.#head, inputOf(normed), rows)).entries()) {
      const bias = this.#headBias;
      if (bias) for (let i = 0; i < logits.length; i++) logits[i]! += bias[from + i]!;
      if (cap !== undefined)
        for (let i = 0; i < logits.length; i++) logits[i] = cap * Math.tanh(logits[i]! / cap);
      data.set(logits, row * stride + from);
    }
    this.#team.meet();
    const tokens = new Int32Array(rows.length);
    let sum = 0;
    for (const row of rows) {
      const logits = data.subarray(row * stride, row * stride + vocabSize);
      let best = 0;
      for (let token = 0; token < vocabSize; token++) {
        sum += logits[token]!;
        if (logits[token]! > logits[best]!) best = token;
      }
      tokens[row] = best;
    }
    const logits = wantsLogits ? data.slice(0, rows.length * stride) : null;
    // Nobody writes over what another one still reads.
    this.#team.meet();
    return { tokens, sum, logits };
  }

  /** Forgets all sequences, and gives back the memory of their keys and values. */
  end(): void {
    this.#blocks = [];
    this.#caches.close();
  }

  /** Gives all memory back. */
  async close(): Promise<void> {
    this.end();
    this.#onDrop(this.#store.bytes);
    await this.#store.close();
  }
}

/** The angles of new tokens are made once for all blocks that turn alike. */
function growingOf(newest: readonly FewToken[]): Growing {
  const positions = Int32Array.from(newest, ({ position }) => position);
  const lengths = positions.map((position) => position + 1);
  const tables = new Map<string, ReturnType<typeof rotaryTables>>();
  const byRope = new Map<Rope, ReturnType<typeof rotaryTables>>();
  const tableOf = (rope: Rope) => {
    const seen = byRope.get(rope);
    if (seen) return seen;
    const key = ropeKey(rope);
    const table = tables.get(key) ?? rotaryTables(rope, positions, lengths);
    tables.set(key, table);
    byRope.set(rope, table);
    return table;
  };
  return {
    rows: newest.map((_, row) => row),
    places: newest,
    angles(rope, row) {
      const { cos, sin } = tableOf(rope);
      const half = rope.dim / 2;
      return {
        cos: cos.subarray(row * half, (row + 1) * half),
        sin: sin.subarray(row * half, (row + 1) * half),
      };
    },
    queryFactor: ({ queryScaling }, row) =>
      queryScaling ? queryFactors(queryScaling, [positions[row]!])[0]! : 1,
  };
}
