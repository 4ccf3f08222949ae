import { canonicalJson, MoepressError } from '@moepress/core';
import type { ToyName } from '../toys/open-toys.js';

/** Something that must hold for a plugin. */
export interface Check {
  /** What holds, as in `reap: meets its budget`. */
  readonly name: string;
  /** Throws an error that says what does not hold. */
  run(): Promise<void>;
}

/** What a suite is told of a plugin. */
export interface ConformanceOptions {
  /** Options of methods and refiners by their names, beside `ratio` and `seed`. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** The share that methods with a `ratio` are to remove of toys; 0.5 by default. */
  readonly ratio?: number | undefined;
  /** The toys to try methods on; all by default. A method may refuse toys, but not all of them. */
  readonly models?: readonly ToyName[] | undefined;
  /** Folder of datasets, `<dataset>/<config>/<split>.{parquet,jsonl,jsonl.gz}`, for tasks and calibration sets that read some. */
  readonly data?: string | undefined;
  /**
   * Reference outputs of architectures by their `modelType`: a folder with the checkpoint and `golden.safetensors`, which holds
   * `s0.input_ids` [n] int32 and `s0.logits` [n, vocabulary] float32, and so on for `s1`.
   */
  readonly goldens?: Readonly<Record<string, string>> | undefined;
  /** Names of checks that do not hold by design, each with the reason. */
  readonly except?: Readonly<Record<string, string>> | undefined;
}

/** Throws unless it holds. */
export function hold(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}

/** Throws unless both are equal as JSON. */
export function same(a: unknown, b: unknown, otherwise: string): void {
  hold(canonicalJson(a) === canonicalJson(b), otherwise);
}

/** The error that something is refused with, which must be a `MoepressError` with a hint. */
export async function refusal(
  run: () => unknown | Promise<unknown>,
  otherwise: string,
): Promise<MoepressError> {
  try {
    await run();
  } catch (error) {
    hold(
      MoepressError.isInstance(error),
      `${otherwise}: it threw ${String(error)}, which is no MoepressError.`,
    );
    hold(error.message !== '' && error.hint !== '', `${otherwise}: the error has no hint.`);
    return error;
  }
  throw new Error(`${otherwise}: nothing was thrown.`);
}

/** The largest difference between two lists of numbers, relative to the largest number; infinite if they differ in length. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [most, scale] = [0, 1e-30];
  for (let i = 0; i < a.length; i++) {
    const gap = Math.abs(a[i]! - b[i]!);
    if (Number.isNaN(gap)) return Number.POSITIVE_INFINITY;
    most = Math.max(most, gap);
    scale = Math.max(scale, Math.abs(a[i]!), Math.abs(b[i]!));
  }
  return most / scale;
}

/** Plain data that throws where it is written to. */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value))
    return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) frozen(inner);
  return value;
}
