/** Messages between an EngineWorker and its thread. */

import type { AdamWStep } from './adamw.js';
import type { Placement, SessionOptions } from './session.js';

/** What a worker is made with. */
export interface WorkerOptions extends SessionOptions {
  /** Bytes that held tensors may take of the device's memory. */
  readonly deviceMemory: number;
}

export type TensorArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
export type TensorType = 'float32' | 'float64' | 'int32' | 'int64' | 'bool';

export interface TensorData {
  readonly dtype: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorArray;
}

/** A tensor by value, or by the name under which the worker holds it, or a key-value cache. */
export type Feed = TensorData | { readonly held: string } | { readonly cache: string };

/** Keys or values of several sequences, or, null, of what all of them share. */
export interface CacheShape {
  readonly sequences: number | null;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Puts rows of an output, [kvHeads, T, D] or [T, kvHeads, D], into a cache. */
export interface Append {
  readonly output: string;
  readonly cache: string;
  readonly headsFirst: boolean;
  readonly parts: readonly {
    readonly sequence: number;
    /** Where in the cache the first row belongs. */
    readonly start: number;
    readonly rows: Int32Array;
  }[];
}

/** One run of a session. */
export interface Step {
  readonly session: string;
  /** Inputs that are not named here are tensors the worker holds under the names of the inputs. */
  readonly feeds: Readonly<Record<string, Feed>>;
  /** Outputs to send back. */
  readonly fetch?: readonly string[];
  /** Outputs to hold in the worker: output name to the name it is held under. */
  readonly hold?: Readonly<Record<string, string>>;
  readonly append?: readonly Append[] | undefined;
  /** float32 outputs to add to what is held under their own names, or to hold under them. */
  readonly add?: readonly string[];
}

/** Held float32 tensors by name: a parameter, its gradient, and what AdamW remembers of the gradients. */
export interface Learning {
  readonly parameter: string;
  readonly gradient: string;
  readonly mean: string;
  readonly variance: string;
  readonly weightDecay: number;
}

/** A held tensor in a file of several. */
export interface FileTensor {
  readonly name: string;
  readonly dims: readonly number[];
}

export type Command =
  | {
      readonly kind: 'open';
      readonly session: string;
      readonly model: Uint8Array;
      readonly placement: Placement;
    }
  | { readonly kind: 'close'; readonly session: string }
  | { readonly kind: 'put'; readonly name: string; readonly tensor: TensorData }
  | { readonly kind: 'take'; readonly name: string }
  | { readonly kind: 'save'; readonly names: readonly string[]; readonly file: string }
  | { readonly kind: 'load'; readonly tensors: readonly FileTensor[]; readonly file: string }
  | { readonly kind: 'drop'; readonly names: readonly string[] }
  | { readonly kind: 'end' }
  | { readonly kind: 'cache'; readonly name: string; readonly shape: CacheShape }
  | { readonly kind: 'run'; readonly steps: readonly Step[] }
  | { readonly kind: 'square'; readonly names: readonly string[] }
  | { readonly kind: 'learn'; readonly tensors: readonly Learning[]; readonly step: AdamWStep };

/**
 * `drop` forgets held tensors and caches, `clear` all held tensors; `learn` passes over what has no gradient. What a command yields:
 * for `run` one record a step, for `take` the tensor under its name, for `square` a float64 `sum`.
 */
export type Results = readonly Readonly<Record<string, TensorData>>[];

export type Reply =
  | { readonly id: number; readonly results: Results }
  | {
      readonly id: number;
      readonly error: string;
      /** Of a failed system call, such as ENOSPC. */
      readonly code: string | undefined;
    };

export interface Request {
  readonly id: number;
  readonly command: Command;
}
