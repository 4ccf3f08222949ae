import {
  defaultAlignment,
  type GgmlType,
  type GgufValueType,
  ggufMagic,
  ggufValueTypes,
  ggufVersion,
} from '@moepress/checkpoint';
import type { GgufMetadata, GgufValue } from './metadata.js';

/** A tensor as the header tells of it. */
export interface TensorInfo {
  readonly name: string;
  /** Row-major, the last axis that of a row's elements; files have them the other way round. */
  readonly shape: readonly number[];
  readonly type: GgmlType;
  /** Of its bytes, from the beginning of the data on. */
  readonly offset: number;
}

/** All that comes before the data of a GGUF file, padded so that the data begin aligned. */
export function encodeHeader(metadata: GgufMetadata, tensors: readonly TensorInfo[]): Uint8Array {
  const bytes = new GrowingBytes();
  bytes.put('uint32', ggufMagic);
  bytes.put('uint32', ggufVersion);
  bytes.put('uint64', tensors.length);
  bytes.put('uint64', metadata.size);
  for (const [key, value] of metadata) {
    bytes.put('string', key);
    putValue(bytes, value);
  }
  for (const { name, shape, type, offset } of tensors) {
    bytes.put('string', name);
    bytes.put('uint32', shape.length);
    for (const size of shape.toReversed()) bytes.put('uint64', size);
    bytes.put('uint32', type.id);
    bytes.put('uint64', offset);
  }
  return bytes.padded(defaultAlignment);
}

function putValue(bytes: GrowingBytes, value: GgufValue): void {
  if (value.type === 'copied') {
    bytes.putBytes(value.bytes);
    return;
  }
  bytes.put('uint32', ggufValueTypes[value.type]);
  if (value.type !== 'array') {
    bytes.put(value.type, value.value);
    return;
  }
  bytes.put('uint32', ggufValueTypes[value.of]);
  bytes.put('uint64', value.value.length);
  for (const each of value.value) bytes.put(value.of, each);
}

const encoder = new TextEncoder();

type Setter = (view: DataView, at: number, value: number) => void;

/** The bytes that each type takes, and what writes one. */
const setters: Readonly<Record<Exclude<GgufValueType, 'array' | 'string'>, readonly [number, Setter]>> = {
  uint8: [1, (view, at, value) => view.setUint8(at, value)],
  int8: [1, (view, at, value) => view.setInt8(at, value)],
  bool: [1, (view, at, value) => view.setUint8(at, value)],
  uint16: [2, (view, at, value) => view.setUint16(at, value, true)],
  int16: [2, (view, at, value) => view.setInt16(at, value, true)],
  uint32: [4, (view, at, value) => view.setUint32(at, value, true)],
  int32: [4, (view, at, value) => view.setInt32(at, value, true)],
  float32: [4, (view, at, value) => view.setFloat32(at, value, true)],
  uint64: [8, (view, at, value) => view.setBigUint64(at, BigInt(value), true)],
  int64: [8, (view, at, value) => view.setBigInt64(at, BigInt(value), true)],
  float64: [8, (view, at, value) => view.setFloat64(at, value, true)],
};

/** Little-endian values one after the other. */
class GrowingBytes {
  #bytes = new Uint8Array(64 * 1024);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  put(type: Exclude<GgufValueType, 'array'>, value: number | boolean | string): void {
    if (type === 'string') {
      this.#putText(String(value));
      return;
    }
    this.#reserve(8);
    const [bytes, set] = setters[type];
    set(this.#view, this.#end, Number(value));
    this.#end += bytes;
  }

  #putText(value: string): void {
    const bytes = encoder.encode(value);
    this.put('uint64', bytes.length);
    this.putBytes(bytes);
  }

  putBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#end + bytes));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  /** With zeros up to a multiple of `alignment`. */
  padded(alignment: number): Uint8Array {
    const end = Math.ceil(this.#end / alignment) * alignment;
    this.#reserve(end - this.#end);
    return this.#bytes.slice(0, end);
  }
}
