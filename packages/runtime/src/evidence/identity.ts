import { createHash } from 'node:crypto';
import { FileDigests } from '@moepress/checkpoint';
import {
  blockTensors,
  type CalibrationRecord,
  headTensors,
  type Model,
  type Statistic,
  storedIn,
  type Work,
} from '@moepress/core';
import type { Precision } from '../devices/device.js';
import { defaultDigestsRoot } from './root.js';

/** Raise it when the runtime computes other numbers from the same model and tokens. */
const numericsVersion = 5;

export interface IdentityOptions extends Work {
  /** The precision that the model is computed with; default `float32`. */
  readonly precision?: Precision | undefined;
  /** Where digests of files are kept; default: in the folder `defaultDigestsRoot`. */
  readonly digests?: FileDigests | undefined;
}

/** A hash over the content of a model's files. */
export interface ContentHash {
  /** SHA-256 in hexadecimal. */
  readonly hash: string;
  /** Throws `CHECKPOINT_CHANGED` if the model's files have changed since the hash was computed. */
  checkUnchanged(): Promise<void>;
}

/** One instance for each folder, so that a process does not read the same records twice. */
const byRoot = new Map<string, FileDigests>();

function defaultDigests(): FileDigests {
  const root = defaultDigestsRoot();
  const digests = byRoot.get(root) ?? new FileDigests(root);
  byRoot.set(root, digests);
  return digests;
}

/**
 * SHA-256 of what determines a model's numbers: all bytes of its files, how the view is made of their tensors (names,
 * offsets, types, shapes, slots, routers, sizes, rotary scaling), and the precision they are computed with. Where the
 * files lie and what the model is called does not matter. Throws what `FileDigests.of` throws.
 */
export async function modelIdentity(
  model: Model,
  { precision = 'float32', digests = defaultDigests(), ...work }: IdentityOptions = {},
): Promise<ContentHash> {
  const files = await digests.of(filesOf(model), work);
  const { id: _id, revision: _revision, source: _source, ...rest } = model;
  const lower = precision === 'float32' ? {} : { precision };
  const text = JSON.stringify({ numericsVersion, ...lower, ...rest }, byContent(files.digests));
  return { hash: sha256(text), checkUnchanged: files.checkUnchanged };
}

/**
 * SHA-256 in hexadecimal over the digests of the files that a model reads: equal if and only if they are the same
 * bytes, wherever they lie. Throws what `FileDigests.of` throws.
 */
export async function weightsDigest(
  model: Model,
  { digests = defaultDigests(), ...work }: Omit<IdentityOptions, 'precision'> = {},
): Promise<ContentHash> {
  const files = await digests.of(filesOf(model), work);
  return { hash: digestOfAll(files.digests), checkUnchanged: files.checkUnchanged };
}

/** The same if no file has to be read for it, else null. Throws `CHECKPOINT_NOT_FOUND`. */
export async function knownWeightsDigest(
  model: Model,
  { digests = defaultDigests() }: Pick<IdentityOptions, 'digests'> = {},
): Promise<string | null> {
  const files = await digests.known(filesOf(model));
  return files && digestOfAll(files.digests);
}

/** Name of the folder for one statistic of a model on a calibration set. */
export function evidenceName(model: string, calibration: CalibrationRecord, statistic: Statistic): string {
  return shortHash(model, calibration.hash, statistic.name, String(statistic.version));
}

/** The first 16 hexadecimal digits of the SHA-256 of some parts. */
export function shortHash(...parts: readonly string[]): string {
  return sha256(JSON.stringify(parts)).slice(0, 16);
}

/** Files by what they hold, in an order that does not depend on where they lie. */
function digestOfAll(digests: ReadonlyMap<string, string>): string {
  return sha256([...digests.values()].sort().join());
}

/** Every file that a tensor of the model is read from, once. */
function filesOf(model: Model): Set<string> {
  const tensors = [model.embed, ...headTensors(model), ...model.blocks.flatMap(blockTensors)];
  return new Set(tensors.flatMap((expr) => [...storedIn(expr)].map(({ file }) => file)));
}

/**
 * Puts the digest of a file in the place of its path, and sorts the keys of objects, whose order means nothing. Lists
 * of rows and columns, which experts share and which may be long, become their hashes.
 */
function byContent(digests: ReadonlyMap<string, string>) {
  const lists = new WeakMap<object, string>();
  return (key: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      if (key !== 'indices') return value;
      const known = lists.get(value) ?? sha256(value.join());
      lists.set(value, known);
      return known;
    }
    const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      sorted.map(([name, inner]) =>
        name === 'file' && 'offset' in value ? [name, contentOf(inner as string, digests)] : [name, inner],
      ),
    );
  };
}

function contentOf(file: string, digests: ReadonlyMap<string, string>): string {
  const digest = digests.get(file);
  if (digest === undefined) throw new Error(`${file} is in the model and was not hashed.`);
  return digest;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
