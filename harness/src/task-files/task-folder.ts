import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { MoepressError, throwIfAborted } from '@moepress/core';
import { functionIn, type RawConfig, readTaskFile, readTaskText } from './read-task-file.js';
import { type Scanned, scanTaskFile } from './scan-task-file.js';

/** What a name of a folder stands for. */
export type TaskEntry =
  | {
      readonly kind: 'task' | 'group';
      readonly name: string;
      readonly file: string;
      readonly tags: readonly string[];
      /** Absent for groups, and where the file does not say. */
      readonly outputType?: string | undefined;
      /** Whether the task is a Python class. */
      readonly isPython: boolean;
    }
  | { readonly kind: 'tag'; readonly name: string; readonly tasks: readonly string[] };

/** A folder of task files: every name that stands in them. */
export interface TaskFolder {
  readonly root: string;
  readonly entries: ReadonlyMap<string, TaskEntry>;
  /** Files that name nothing because they cannot be read, with the reason. */
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
}

/** Far more files than any suite has. */
const maxFiles = 100_000;

const filesAtOnce = 256;

/** Folders that programs keep for themselves. */
const passedOver = ['__pycache__', '.ipynb_checkpoints'];

/**
 * The names of a folder's `.yaml` files, as `TaskIndex` of lm-evaluation-harness 0.4.13 (tasks/_index.py) finds them: of
 * several files with one name the first counts, by their paths. Throws `TASK_INVALID` for what is no folder.
 */
export async function openTaskFolder(folder: string, signal?: AbortSignal): Promise<TaskFolder> {
  const root = await realpath(folder).catch((cause: Error) => {
    throw new MoepressError('TASK_INVALID', {
      message: `There is no folder of tasks: ${cause.message}.`,
      where: folder,
    });
  });
  const entries = new Map<string, TaskEntry>();
  const tags = new Map<string, string[]>();
  const broken: { file: string; reason: string }[] = [];
  const texts = new Map<string, Promise<Scanned>>();
  const files = (await taskFiles(root)).sort();
  for (const [at, file] of files.entries()) {
    throwIfAborted(signal);
    // Disks read many files at once faster than one after the other.
    if (at % filesAtOnce === 0) await scanAll(files.slice(at, at + filesAtOnce), texts);
    try {
      const about = await describe(file, { root, texts, signal });
      if (!about || entries.has(about.name)) continue;
      entries.set(about.name, about);
      if (about.kind !== 'task') continue;
      for (const tag of about.tags) tags.set(tag, [...(tags.get(tag) ?? []), about.name]);
    } catch (cause) {
      if (!MoepressError.isInstance(cause) || cause.code === 'ABORTED') throw cause;
      broken.push({ file, reason: cause.message });
    }
  }
  for (const [name, tasks] of tags) {
    if (!entries.has(name)) entries.set(name, { kind: 'tag', name, tasks: tasks.sort() });
  }
  return { root, entries, broken };
}

async function taskFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const place = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!passedOver.includes(entry.name)) folders.push(place);
      } else if (entry.name.endsWith('.yaml')) files.push(place);
      if (files.length > maxFiles) {
        throw new MoepressError('TASK_INVALID', {
          message: `The folder has more than ${maxFiles} task files.`,
          where: root,
        });
      }
    }
  }
  return files;
}

async function scanAll(files: readonly string[], texts: Map<string, Promise<Scanned>>): Promise<void> {
  for (const file of files) if (!texts.has(file)) texts.set(file, readTaskText(file).then(scanTaskFile));
  await Promise.allSettled(files.map((file) => texts.get(file)));
}

interface Scanning {
  readonly root: string;
  /** What was scanned already: many files include one. */
  readonly texts: Map<string, Promise<Scanned>>;
  readonly signal: AbortSignal | undefined;
}

/** What a file names; null for a part that others include. */
async function describe(file: string, scanning: Scanning): Promise<TaskEntry | null> {
  const scanned = await scanIncluding(file, scanning);
  const about = scanned ?? plainly(await readTaskFile(file, scanning.root, scanning.signal));
  const { task, group, tag, output_type: outputType } = about;
  const isPython = about.class !== undefined;
  const kind = group !== undefined && !isPython ? 'group' : 'task';
  const name = kind === 'group' ? group : task;
  if (typeof name !== 'string') return null;
  const tags = tag === undefined || tag === null ? [] : [tag].flat();
  return {
    kind,
    name,
    file,
    tags: tags as readonly string[],
    outputType: typeof outputType === 'string' ? outputType : undefined,
    isPython,
  };
}

/** A file and what it includes; null where one of them is not plain. */
async function scanIncluding(file: string, scanning: Scanning, depth = 0): Promise<Scanned | null> {
  if (depth > 32) return null;
  let scan = scanning.texts.get(file);
  if (!scan) {
    scan = readTaskText(file).then(scanTaskFile);
    scanning.texts.set(file, scan);
  }
  const { include = [], ...own } = await scan;
  // Members of a group may be anything, and are not needed here.
  const { task: _, ...group } = own;
  const about: Scanned = typeof own.group === 'string' && own.class === undefined ? group : own;
  if (include === null || Object.values(about).includes(null)) return null;
  let merged: Scanned = {};
  for (const one of [include].flat()) {
    const place = path.resolve(path.dirname(file), one as string);
    if (path.relative(scanning.root, place).startsWith('..')) return null;
    const included = await scanIncluding(place, scanning, depth + 1);
    if (included === null) return null;
    merged = { ...merged, ...included };
  }
  return { ...merged, ...about };
}

/** What was read whole, where scanning did not do. */
function plainly(config: RawConfig): Scanned {
  const text = (value: unknown) => (functionIn(value) ? 'function' : value);
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, text(value)])) as Scanned;
}
