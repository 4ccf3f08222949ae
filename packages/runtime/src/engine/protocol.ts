/** Messages between an EngineWorker and its thread. Sessions, tensors and caches are named by ids that are made once. */

import type { FewOrder } from '../few/few-member.js';
import type { AdamWStep } from './adamw.js';
import type { Placement, SessionOptions } from './onnx-session.js';

/** What a worker is made with. */
export interface WorkerOptions extends SessionOptions {
  /** Bytes that stored tensors may take of the device's memory. */
  readonly deviceMemory: number;
}

export type TensorArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
export type TensorType = 'float32' | 'float64' | 'int32' | 'int64' | 'bool';

export interface TensorData {
  readonly dtype: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorArray;
}

export function tensor(dtype: TensorType, dims: readonly number[], data: TensorArray): TensorData {
  return { dtype, dims, data };
}

/** An int32 vector. */
export function int32(data: readonly number[] | Int32Array): TensorData {
  return tensor('int32', [data.length], Int32Array.from(data));
}

/** A tensor by value, or the id of a stored tensor or of a key-value cache. */
export type FeedMessage = TensorData | { readonly tensor: string } | { readonly cache: string };

/** Keys or values of several sequences, or, null, of what all of them share; or what a recurrence keeps of each in their place. */
export interface CacheShape {
  readonly sequences: number | null;
  readonly kvHeads: number;
  readonly headDim: number;
  /** How many there is ever room for; absent: it grows. */
  readonly tokens?: number;
}

/** Room for keys and values is added this many tokens at a time, at least. */
export const cacheGrowth = 64;

/** Where rows of an output, [kvHeads, T, D] or [T, kvHeads, D], belong in a cache. */
export interface CacheRows {
  readonly headsFirst: boolean;
  readonly parts: readonly {
    readonly sequence: number;
    /** Where in the cache the first row belongs. */
    readonly start: number;
    readonly rows: Int32Array;
  }[];
}

/** One run of a session. */
export interface StepMessage {
  readonly session: string;
  /** One for each input of the session. */
  readonly feeds: Readonly<Record<string, FeedMessage>>;
  /** Outputs to send back. */
  readonly fetch: readonly string[];
  /** Outputs to store: output name to the id it is stored under. */
  readonly keep: Readonly<Record<string, string>>;
  readonly append: readonly (CacheRows & { readonly output: string; readonly cache: string })[];
  /** float32 outputs to add to what is stored under an id, or to store under it. */
  readonly add: Readonly<Record<string, string>>;
}

/** The first tokens of a sequence of a cache, by what names the cache. */
export interface SharedRows<Cache> {
  readonly cache: Cache;
  /** 0 where there is one cache for all. */
  readonly sequence: number;
  readonly tokens: number;
}

/** Ids of stored float32 tensors: a parameter, its gradient, and what AdamW remembers of the gradients. */
export interface LearningMessage {
  readonly parameter: string;
  readonly gradient: string;
  readonly mean: string;
  readonly variance: string;
  readonly weightDecay: number;
}

export type Command =
  | {
      readonly kind: 'open';
      readonly session: string;
      readonly model: Uint8Array;
      readonly placement: Placement;
    }
  | { readonly kind: 'close'; readonly sessions: readonly string[] }
  | { readonly kind: 'put'; readonly tensors: readonly (readonly [id: string, tensor: TensorData])[] }
  | { readonly kind: 'read'; readonly tensor: string }
  | { readonly kind: 'save'; readonly tensors: readonly string[]; readonly file: string }
  | {
      readonly kind: 'load';
      readonly tensors: readonly { readonly tensor: string; readonly dims: readonly number[] }[];
      readonly file: string;
    }
  | { readonly kind: 'free'; readonly ids: readonly string[] }
  | { readonly kind: 'end' }
  | { readonly kind: 'cache'; readonly cache: string; readonly shape: CacheShape }
  | { readonly kind: 'keep'; readonly caches: readonly string[]; readonly sequences: readonly number[] }
  | { readonly kind: 'share'; readonly rows: readonly SharedRows<string>[] }
  | { readonly kind: 'few'; readonly order: FewOrder }
  | { readonly kind: 'run'; readonly steps: readonly StepMessage[] }
  | { readonly kind: 'square'; readonly tensors: readonly string[] }
  | { readonly kind: 'learn'; readonly tensors: readonly LearningMessage[]; readonly step: AdamWStep };

/**
 * `free` forgets tensors and caches; `learn` passes over what has no gradient. What a command yields: for `run` one
 * record a step, for `share` a `tensor` [kvHeads, tokens, D] of each, for `read` a `tensor`, for `square` a float64 `sum`, for
 * `few` what `FewMember` says.
 */
export type Results = readonly Readonly<Record<string, TensorData>>[];

export type Reply =
  | { readonly id: number; readonly results: Results }
  | {
      readonly id: number;
      readonly error: string;
      /** The code of a failed system call, such as ENOSPC. */
      readonly code: string | undefined;
    };

export interface Request {
  readonly id: number;
  readonly command: Command;
}
