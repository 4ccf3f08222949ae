import { hasFfn, type Mlp, type Model, type MoeFfn } from '@moepress/core/model';
import { valueDimOf } from '../decoder/attention/value-dim.js';
import { meetingBytes } from './team.js';

/** A vector of each sequence that the threads write parts of in one phase and read in the next. */
export interface Region {
  readonly data: Float32Array;
  readonly stride: number;
}

/** What vectors there are, and how many numbers each has at most for one sequence. */
export interface RegionSizes {
  /** Queries with their gates, keys, values, gates of a projection of their own; or the latents of queries and keys. */
  readonly query: number;
  readonly key: number;
  readonly value: number;
  readonly gate: number;
  readonly attended: number;
  /** What attention, the routed experts, and the shared expert make. */
  readonly mixed: number;
  readonly routed: number;
  readonly shared: number;
  /** The logits of a router, and the gate of the shared expert behind them. */
  readonly router: number;
  /** What experts see in a space of their own. */
  readonly latent: number;
  /** The activations of all experts that a sequence has chosen, and of the shared one. */
  readonly activation: number;
  readonly sharedActivation: number;
  readonly logits: number;
}

/** Experts that a token meets: the chosen ones, or the one that all meet. */
export const mostChosen = (ffn: { readonly kind: string } & Partial<MoeFfn>): number =>
  ffn.kind === 'moe' ? ffn.router!.topK : 1;

export function regionSizes(model: Model): RegionSizes {
  const { hiddenSize, vocabSize } = model.config;
  const sizes = {
    ...{ query: 0, key: 0, value: 0, gate: 0, attended: 0, router: 1, latent: 0, activation: 0 },
    ...{ mixed: hiddenSize, routed: hiddenSize, shared: hiddenSize, sharedActivation: 0, logits: vocabSize },
  };
  const grow = (part: keyof typeof sizes, size: number) => {
    sizes[part] = Math.max(sizes[part], size);
  };
  for (const block of model.blocks) {
    const { attention } = block;
    if (attention.kind === 'gqa') {
      grow('query', attention.q.weight.shape[0]!);
      grow('key', attention.k.weight.shape[0]!);
      grow('value', attention.v?.weight.shape[0] ?? 0);
      grow('gate', attention.gate?.weight.shape[0] ?? 0);
      grow('attended', attention.heads * valueDimOf(attention));
    } else if (attention.kind === 'mla') {
      grow('query', attention.q.up.weight.shape[0]!);
      grow('gate', attention.q.down?.linear.weight.shape[0] ?? 0);
      grow('key', attention.kvDown.linear.weight.shape[0]!);
      grow('value', attention.kvUp.weight.shape[0]!);
      grow('attended', attention.heads * attention.valueDim);
    }
    if (!hasFfn(block)) continue;
    const { ffn } = block;
    if (ffn.kind === 'moe') {
      grow('router', ffn.slots.length + 1);
      grow('latent', ffn.latent?.down.weight.shape[0] ?? 0);
      grow('routed', ffn.latent?.up.weight.shape[1] ?? 0);
      grow('activation', ffn.router.topK * widest(ffn.pool));
    } else {
      grow('activation', ffn.mlp.width);
    }
    grow('sharedActivation', ffn.shared?.mlp.width ?? 0);
  }
  return sizes;
}

export const widest = (mlps: readonly Mlp[]): number => Math.max(0, ...mlps.map(({ width }) => width));

/** Bytes that the threads share for so many sequences. */
export function boardBytes(model: Model, sequences: number): number {
  const numbers = Object.values(regionSizes(model)).reduce((sum, size) => sum + size, 0);
  return meetingBytes + 4 * numbers * sequences;
}

export type Board = Readonly<Record<keyof RegionSizes, Region>>;

/** The vectors in shared memory of `boardBytes`. */
export function boardIn(shared: SharedArrayBuffer, model: Model, sequences: number): Board {
  let at = meetingBytes;
  const regions = Object.entries(regionSizes(model)).map(([name, stride]) => {
    const data = new Float32Array(shared, at, stride * sequences);
    at += data.byteLength;
    return [name, { data, stride }];
  });
  return Object.fromEntries(regions);
}
