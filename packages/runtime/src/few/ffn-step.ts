import type { DenseFfn, FfnPartNorms, Mlp, MoeFfn, SharedExpert } from '@moepress/core';
import type { Input } from './arena.js';
import { type Region, widest } from './board.js';
import {
  type HeldLinear,
  type Holder,
  holdLinear,
  inputIn,
  inputOf,
  multiply,
  project,
} from './linear-rows.js';
import type { HeadNorms, Thread } from './mixer-step.js';
import { chooseSlots, type RouterVectors } from './slot-choice.js';
import { activate, addScaled, rmsNorm, sigmoid } from './vectors.js';
import type { Group, Held, WeightStore } from './weight-store.js';

/** The matrices of an MLP, which are read together, and its biases. */
class HeldMlp {
  readonly spec: Mlp;
  readonly group: Group;
  readonly gateBias: Float32Array | null;
  readonly upBias: Float32Array | null;
  readonly downBias: Float32Array | null;

  constructor(spec: Mlp, group: Group, holder: Holder) {
    this.spec = spec;
    this.group = group;
    const { gate = null, up = null, down = null } = spec.bias ?? {};
    this.gateBias = gate && holder.vector(gate);
    this.upBias = up && holder.vector(up);
    this.downBias = down && holder.vector(down);
  }

  get #matrices(): readonly Held[] {
    return this.group.matrices;
  }

  /** The activations of this thread's channels of some rows, into places of a region. */
  async open(input: Input, rows: readonly number[], into: Region, places: readonly Place[]): Promise<void> {
    const { gate, activation } = this.spec;
    const up = this.#matrices[0]!;
    const gates = gate ? await multiply(this.#matrices[2]!, input, rows, 1) : null;
    for (const [i, y] of (await multiply(up, input, rows, 0)).entries()) {
      addBias(y, this.upBias, up.from);
      const own = gates ? gates[i]! : null;
      if (own) addBias(own, this.gateBias, up.from);
      const at = places[i]!.at + up.from;
      activate(activation, own, y, into.data.subarray(at, at + y.length));
    }
  }

  /** What this thread's rows of `down` make of activations, one vector a place; see `Arena.multiply`. */
  async close(
    activations: Region,
    places: readonly Place[],
  ): Promise<{ readonly from: number; readonly made: Float32Array[] }> {
    const down = this.#matrices[1]!;
    const { width } = this.spec;
    const input = inputOf(places.map(({ at }) => activations.data.subarray(at, at + width)));
    const made = await multiply(down, input, [...places.keys()]);
    for (const y of made) addBias(y, this.downBias, down.from);
    return { from: down.from, made };
  }
}

/** Where the activations of a row and an expert begin in their region. */
interface Place {
  readonly at: number;
}

function addBias(y: Float32Array, bias: Float32Array | null, from: number): void {
  if (bias) for (let i = 0; i < y.length; i++) y[i]! += bias[from + i]!;
}

/** The tokens that meet an expert: their rows, the weights of what it makes of them, and where their activations stand. */
interface Meeting {
  readonly expert: HeldMlp;
  readonly rows: number[];
  readonly weights: number[];
  readonly places: Place[];
}

interface HeldRouter {
  readonly linear: HeldLinear;
  readonly vectors: RouterVectors;
  readonly scale: Float32Array | null;
}

interface HeldShared {
  readonly spec: SharedExpert;
  readonly mlp: HeldMlp;
  readonly gate: Held | null;
}

interface HeldPart {
  readonly before: Float32Array;
  readonly after: Float32Array;
}

export interface FfnOptions {
  readonly thread: Thread;
  readonly store: WeightStore;
  readonly holder: Holder;
  readonly norms: HeadNorms;
  readonly parts: FfnPartNorms | null;
}

/** The FFN of a block: what it adds to the hidden states, for a few rows. Experts that no row has chosen are not read. */
export class FfnStep {
  readonly #ffn: DenseFfn | MoeFfn;
  readonly #thread: Thread;
  readonly #store: WeightStore;
  readonly #norms: HeadNorms;
  readonly #experts: readonly HeldMlp[];
  readonly #router: HeldRouter | null;
  readonly #latent: { readonly down: HeldLinear; readonly up: HeldLinear } | null;
  readonly #shared: HeldShared | null;
  readonly #parts: Readonly<Record<keyof FfnPartNorms, HeldPart>> | null;
  readonly #activationStride: number;

  constructor(ffn: DenseFfn | MoeFfn, { thread, store, holder, norms, parts }: FfnOptions) {
    this.#ffn = ffn;
    this.#thread = thread;
    this.#store = store;
    this.#norms = norms;
    const mlps = ffn.kind === 'moe' ? ffn.pool : [ffn.mlp];
    const isKept = ffn.kind === 'dense';
    const held = (mlp: Mlp, kept: boolean) => {
      const group = store.group([mlp.up, mlp.down, ...(mlp.gate ? [mlp.gate] : [])]);
      if (kept) holder.keep(group);
      return new HeldMlp(mlp, group, holder);
    };
    this.#experts = mlps.map((mlp) => held(mlp, isKept));
    this.#activationStride = widest(mlps);
    this.#router = ffn.kind === 'moe' ? heldRouter(ffn, holder) : null;
    const latent = ffn.kind === 'moe' ? ffn.latent : undefined;
    this.#latent = latent
      ? { down: holdLinear(holder, latent.down), up: holdLinear(holder, latent.up) }
      : null;
    this.#shared = ffn.shared && {
      spec: ffn.shared,
      mlp: held(ffn.shared.mlp, true),
      gate: ffn.shared.gate && holder.matrix(ffn.shared.gate),
    };
    const part = ({ before, after }: FfnPartNorms['experts']): HeldPart => ({
      before: holder.vector(before),
      after: holder.vector(after, norms.offset),
    });
    this.#parts = parts && { experts: part(parts.experts), shared: part(parts.shared) };
  }

  /** Of x, one vector a row, what the FFN makes of each row, in memory of this thread. */
  async run(x: Input, rows: readonly number[]): Promise<readonly Float32Array[]> {
    const { team, board } = this.#thread;
    if (this.#router) await this.#score(x, rows, this.#router);
    const seen = await this.#seen(x, rows);
    const meetings = this.#meetings(rows);
    for (const { expert } of meetings)
      if (!this.#store.has(expert.group)) await this.#store.load(expert.group);
    const { activation, sharedActivation } = board;
    const weighsInput = this.#ffn.kind === 'moe' && this.#ffn.router.weighs === 'input';
    for (const { expert, rows: own, weights, places } of meetings) {
      if (!weighsInput) await expert.open(seen, own, activation, places);
      else await expert.open(weighedRows(seen, own, weights), [...own.keys()], activation, places);
    }
    const sharedPlaces = rows.map((row) => ({ at: row * sharedActivation.stride }));
    await this.#shared?.mlp.open(this.#part(x, 'shared'), rows, sharedActivation, sharedPlaces);
    team.meet();
    await this.#addUp(meetings, rows, weighsInput);
    if (this.#shared) {
      const { from, made } = await this.#shared.mlp.close(sharedActivation, sharedPlaces);
      for (const [i, y] of made.entries()) board.shared.data.set(y, rows[i]! * board.shared.stride + from);
    }
    team.meet();
    if (this.#latent) {
      const { up } = this.#latent;
      await project(up, inputIn(board.routed, rows.length, up.held.width), rows, board.mixed);
      team.meet();
    }
    return rows.map((row) => this.#combined(row, x.width));
  }

  /** The logits of the router, and of the shared expert's gate, of all rows. */
  async #score(x: Input, rows: readonly number[], { linear, scale }: HeldRouter): Promise<void> {
    const { team, board } = this.#thread;
    const { input } = (this.#ffn as MoeFfn).router;
    const seen = input ? scaledRows(x, scale!, input.factor) : x;
    await project(linear, seen, rows, board.router);
    await this.#gate(x, rows);
    team.meet();
  }

  async #gate(x: Input, rows: readonly number[]): Promise<void> {
    const gate = this.#shared?.gate;
    const { router } = this.#thread.board;
    if (!gate) return;
    for (const [i, y] of (await multiply(gate, x, rows)).entries()) {
      if (y.length > 0) router.data[(rows[i]! + 1) * router.stride - 1] = y[0]!;
    }
  }

  /** What experts see. */
  async #seen(x: Input, rows: readonly number[]): Promise<Input> {
    const own = this.#part(x, 'experts');
    if (!this.#latent) {
      if (!this.#router) await this.#gate(x, rows);
      return own;
    }
    const { team, board } = this.#thread;
    const { down } = this.#latent;
    await project(down, own, rows, board.latent);
    team.meet();
    return inputIn(board.latent, rows.length, down.held.readable.of.shape[0]!);
  }

  #part(x: Input, part: keyof FfnPartNorms): Input {
    return this.#parts ? scaledRows(x, this.#parts[part].before, 1) : x;
  }

  /** Which rows meet which experts, in the order of the experts. */
  #meetings(rows: readonly number[]): Meeting[] {
    const { board } = this.#thread;
    const ffn = this.#ffn;
    const found = new Map<number, Meeting>();
    const add = (index: number, row: number, weight: number, place: number) => {
      const expert = this.#experts[index]!;
      const known = found.get(index) ?? { expert, rows: [], weights: [], places: [] };
      found.set(index, known);
      if (known.rows.at(-1) === row) {
        // Slots that share an expert add up.
        known.weights[known.weights.length - 1]! += weight;
        return;
      }
      known.rows.push(row);
      known.weights.push(weight);
      known.places.push({ at: row * board.activation.stride + place * this.#activationStride });
    };
    for (const row of rows) {
      if (ffn.kind === 'dense') {
        add(0, row, 1, 0);
        continue;
      }
      const { data, stride } = board.router;
      const logits = data.slice(row * stride, row * stride + ffn.slots.length);
      const chosen = chooseSlots(logits, ffn.router, this.#router!.vectors);
      for (const [place, { slot, weight }] of chosen.entries()) add(ffn.slots[slot]!, row, weight, place);
    }
    return [...found].sort(([a], [b]) => a - b).map(([, meeting]) => meeting);
  }

  /** This thread's numbers of the weighted sum of what the experts make, into `routed`. */
  async #addUp(meetings: readonly Meeting[], rows: readonly number[], weighsInput: boolean): Promise<void> {
    const { activation, routed } = this.#thread.board;
    const { from, to } = this.#experts[0]!.group.matrices[1]!;
    const sums = new Map(
      rows.map((row) => [
        row,
        routed.data.subarray(row * routed.stride + from, row * routed.stride + to).fill(0),
      ]),
    );
    for (const { expert, rows: own, weights, places } of meetings) {
      const { made } = await expert.close(activation, places);
      for (const [i, y] of made.entries()) addScaled(sums.get(own[i]!)!, y, weighsInput ? 1 : weights[i]!);
    }
  }

  /** What all parts together make of a row. */
  #combined(row: number, width: number): Float32Array {
    const { board } = this.#thread;
    const of = ({ data, stride }: Region) => data.slice(row * stride, row * stride + width);
    const routed = of(this.#latent ? board.mixed : board.routed);
    const { epsilon } = this.#norms;
    if (this.#parts) rmsNorm(routed, this.#parts.experts.after, { epsilon });
    if (!this.#shared) return routed;
    const shared = of(board.shared);
    const { spec, gate } = this.#shared;
    if (gate) {
      const factor = sigmoid(board.router.data[(row + 1) * board.router.stride - 1]!);
      for (let i = 0; i < width; i++) shared[i]! *= factor;
    }
    if (this.#parts) rmsNorm(shared, this.#parts.shared.after, { epsilon });
    addScaled(routed, shared);
    if (spec.averaged) for (let i = 0; i < width; i++) routed[i]! *= 0.5;
    return routed;
  }
}

function heldRouter({ router }: MoeFfn, holder: Holder): HeldRouter {
  const { weight, bias, selectionBias, slotScales, input } = router;
  return {
    linear: holdLinear(holder, { weight, bias }),
    vectors: {
      selectionBias: selectionBias && holder.vector(selectionBias),
      slotScales: slotScales ? holder.vector(slotScales) : null,
    },
    scale: input ? holder.vector(input.scale) : null,
  };
}

/** Rows of x times a vector and a number. */
const scaledRows = (x: Input, by: Float32Array, factor: number): Input =>
  inputOf(x.rows.map((row) => row.map((value, i) => value * by[i]! * factor)));

/** Some rows of x, each times its weight. */
const weighedRows = (x: Input, rows: readonly number[], weights: readonly number[]): Input =>
  inputOf(rows.map((row, i) => x.rows[row]!.map((value) => value * weights[i]!)));
