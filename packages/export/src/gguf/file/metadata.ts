import type { GgufValueType } from '@moepress/checkpoint';

type Scalar = number | boolean | string;

/** A value of a GGUF file's metadata: one, or a list of values of one type. */
export type GgufValue =
  | { readonly type: Exclude<GgufValueType, 'array'>; readonly value: Scalar }
  | {
      readonly type: 'array';
      readonly of: Exclude<GgufValueType, 'array'>;
      readonly value: readonly Scalar[];
    }
  /** The type and the value as they stand in another file. */
  | { readonly type: 'copied'; readonly bytes: Uint8Array };

/** Metadata in the order of the file. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Metadata of an architecture by their names behind its own. */
export type Keys = Readonly<Record<string, GgufValue>>;

export const uint = (value: number): GgufValue => ({ type: 'uint32', value });
export const float = (value: number): GgufValue => ({ type: 'float32', value });
export const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
export const text = (value: string): GgufValue => ({ type: 'string', value });
export const uints = (value: readonly number[]): GgufValue => ({ type: 'array', of: 'uint32', value });
export const ints = (value: readonly number[]): GgufValue => ({ type: 'array', of: 'int32', value });
export const floats = (value: readonly number[]): GgufValue => ({ type: 'array', of: 'float32', value });
export const bools = (value: readonly boolean[]): GgufValue => ({ type: 'array', of: 'bool', value });
export const texts = (value: readonly string[]): GgufValue => ({ type: 'array', of: 'string', value });

/** A setting that layers may differ in: one number where they agree, else a list with one for each. */
export const byLayer = (values: readonly number[]): GgufValue =>
  new Set(values).size <= 1 ? uint(values[0] ?? 0) : uints(values);
