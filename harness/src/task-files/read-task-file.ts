import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { MoepressError } from '@moepress/core';
import { nestsTooDeep } from '../datasets/yaml-depth.js';
import { askConfined } from './confined-files.js';
import { functionKey } from './parse-yaml.js';
import type { Outcome } from './task-file-thread.js';

/** Far more than any task file takes, with all its examples. */
const maxBytes = 1024 * 1024;

/** Files that include each other in a row. */
const maxIncludes = 32;

/** What a task file says, with what it includes; values as YAML has them. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** A Python function that a task file names. */
export interface PythonFunction {
  /** Module and function: `utils.process_docs`. */
  readonly name: string;
  /** The folder of the file that names it, where the module is looked for. */
  readonly folder: string;
}

/** The function that a value of a configuration stands for; undefined for any other value. */
export function functionIn(value: unknown): PythonFunction | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, functionKey)) return undefined;
  const { [functionKey]: name, folder } = value as Record<string, string>;
  return { name: name!, folder: folder ?? '' };
}

/**
 * A task file with what it includes, as `load_yaml` of lm-evaluation-harness 0.4.13 (tasks/_yaml_loader.py) reads it:
 * keys of the file itself win over included ones, later includes over earlier ones. Files must lie in `root`. Throws
 * `TASK_INVALID` for what is no such file, includes itself or leaves the folder, and the reason of the signal.
 */
export async function readTaskFile(file: string, root: string, signal?: AbortSignal): Promise<RawConfig> {
  return readIncluding(file, { root: await real(root), seen: new Set(), signal });
}

interface Reading {
  readonly root: string;
  readonly seen: Set<string>;
  readonly signal: AbortSignal | undefined;
}

async function readIncluding(file: string, reading: Reading): Promise<RawConfig> {
  const place = await placeWithin(file, reading.root);
  if (reading.seen.has(place)) throw invalid('It is included more than once, or includes itself.', place);
  if (reading.seen.size >= maxIncludes) throw invalid(`More than ${maxIncludes} files are included.`, place);
  reading.seen.add(place);
  const { include, ...own } = await readAlone(place, reading.signal);
  let merged: RawConfig = {};
  for (const one of include === undefined ? [] : [include].flat()) {
    if (typeof one !== 'string') throw invalid('`include` names a file, or several.', place);
    const { task_list: _, ...included } = await readIncluding(
      path.resolve(path.dirname(place), one),
      reading,
    );
    // A spread defines keys such as __proto__ where an assignment would not.
    merged = { ...merged, ...included };
  }
  return { ...merged, ...own };
}

async function readAlone(place: string, signal: AbortSignal | undefined): Promise<RawConfig> {
  const text = await readTaskText(place);
  if (nestsTooDeep(text)) throw invalid('This is not valid YAML: it nests too deep.', place);
  const parsed = await parse(text, place, signal);
  if ('refusal' in parsed) throw invalid(`This is not valid YAML: ${parsed.refusal}.`, place);
  const { value } = parsed;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('A task file holds keys and their values.', place);
  }
  return withFolder(value, path.dirname(place)) as RawConfig;
}

async function parse(
  text: string,
  place: string,
  signal: AbortSignal | undefined,
): Promise<Outcome<unknown>> {
  try {
    return await askConfined<Outcome<unknown>>('yaml', text, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw invalid(`The file cannot be read: ${(cause as Error).message}.`, place, cause);
  }
}

/** The text of a regular file. Throws `TASK_INVALID`. */
export async function readTaskText(place: string): Promise<string> {
  try {
    // Without waiting for a pipe's writer, who may never come.
    const file = await open(place, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const about = await file.stat();
      if (!about.isFile()) throw invalid('This is not a file.', place);
      if (about.size > maxBytes) throw invalid(`A task file has at most ${maxBytes} bytes.`, place);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (MoepressError.isInstance(cause)) throw cause;
    throw invalid(`The file cannot be read: ${(cause as Error).message}.`, place, cause);
  }
}

/** The file a path leads to. Throws `TASK_INVALID` if it does not lie in the folder. */
async function placeWithin(file: string, root: string): Promise<string> {
  const place = await real(file);
  const inside = path.relative(root, place);
  if (inside === '' || inside.startsWith('..') || path.isAbsolute(inside)) {
    throw new MoepressError('TASK_INVALID', {
      message: `The task file lies outside the folder ${root}.`,
      where: place,
      hint: 'Give `includePath`, the folder that holds all files that the task includes.',
    });
  }
  return place;
}

async function real(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (cause) {
    throw invalid(`There is no such file: ${(cause as Error).message}.`, file, cause);
  }
}

/** The folder of each function beside its name. */
function withFolder(value: unknown, folder: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withFolder(item, folder));
  if (Object.hasOwn(value, functionKey)) return { ...value, folder };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withFolder(item, folder)]));
}

function invalid(message: string, where: string, cause?: unknown): MoepressError {
  return new MoepressError('TASK_INVALID', { message, where, cause });
}
