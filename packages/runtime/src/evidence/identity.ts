import { createHash, type Hash } from 'node:crypto';
import { bytesOf } from '@moepress/checkpoint';
import {
  blockTensors,
  type CalibrationRecord,
  type Model,
  type Statistic,
  type StoredTensor,
  storedIn,
} from '@moepress/core';
import type { Precision } from '../devices/device.js';

/** Raise it when the runtime computes other numbers from the same model and tokens. */
const numbersVersion = 4;

/** Bytes read from the middle of each tensor: headers do not tell a model from its fine-tunes. */
const sampleBytes = 4096;

/**
 * SHA-256 of what determines a model's numbers: the headers of its files, how the view is made of
 * their tensors (names, offsets, types, shapes, slots, routers, sizes, rotary scaling), a sample of each tensor's
 * bytes, and the precision they are computed with. Where the files lie and what the model is called does not matter. Throws what reading the
 * tensors throws.
 */
export async function modelIdentity(model: Model, precision: Precision = 'float32'): Promise<string> {
  const { id: _id, revision: _revision, source: _source, ...rest } = model;
  const hash = createHash('sha256');
  const lower = precision === 'float32' ? {} : { precision };
  hash.update(JSON.stringify({ numbersVersion, ...lower, ...rest }, withoutPlaces));
  for (const stored of storedTensors(model)) await addSample(hash, stored);
  return hash.digest('hex');
}

/** Name of the folder for one statistic of a model on a calibration set. */
export function evidenceName(model: string, calibration: CalibrationRecord, statistic: Statistic): string {
  return shortHash(model, calibration.hash, statistic.name, String(statistic.version));
}

/** The first 16 hexadecimal digits of the SHA-256 of some parts. */
export function shortHash(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** Drops the paths of files, and sorts the keys of objects, whose order means nothing. */
function withoutPlaces(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([key]) => !(key === 'file' && 'offset' in value));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Each stretch of file once, in the order of the model. */
function storedTensors(model: Model): StoredTensor[] {
  const distinct = new Map<string, StoredTensor>();
  const all = [model.embed, model.finalNorm, model.head, ...model.blocks.flatMap(blockTensors)];
  for (const expr of all) {
    for (const stored of storedIn(expr)) distinct.set(`${stored.file}:${stored.offset}`, stored);
  }
  return [...distinct.values()];
}

async function addSample(hash: Hash, { length, offset, ...stored }: StoredTensor): Promise<void> {
  const size = Math.min(sampleBytes, length);
  const begin = offset + Math.floor((length - size) / 2);
  const sample: StoredTensor = { ...stored, offset: begin, length: size, dtype: 'U8', shape: [size] };
  for await (const block of bytesOf(sample)) hash.update(block);
}
