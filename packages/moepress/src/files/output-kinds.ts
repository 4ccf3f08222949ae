import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { contentOf, readSafetensors } from '@moepress/checkpoint';
import { ownKey as ggufKey, ownImportanceKey as imatrixKey } from '@moepress/export';

/** Bytes at the beginning of a file that identify its kind. */
const headBytes = 2048;
/** Far more than any plan takes. */
const mostBytes = 64 * 1024 * 1024;

/** A tensor that only traces of a forward pass contain. */
const traced = ['logits', 'hidden', 'nll'];
/** An attribute of the root element that marks a figure. */
export const figureMark = 'data-moepress';
/** The beginning of a profile file. */
export const profileHead = '{"otherData":{"moepress":"profile"},"traceEvents":';

/** What commands write as files, and whether a file is one: only such a file is replaced without being asked for. */
export const fileKinds = {
  plan: async (file: string) => {
    try {
      if ((await stat(file)).size > mostBytes) return false;
      return JSON.parse(await readFile(file, 'utf8'))?.format === 'moepress-plan';
    } catch {
      return false;
    }
  },
  trace: async (file: string) => {
    const found = await readSafetensors(file).catch(() => null);
    return found !== null && traced.every((name) => found.tensors.has(name));
  },
  figure: async (file: string) => {
    const head = await headOf(file);
    return head.startsWith('<svg ') && head.includes(figureMark);
  },
  gguf: async (file: string) => {
    const head = await headOf(file);
    return head.startsWith('GGUF') && head.includes(ggufKey);
  },
  imatrix: async (file: string) => {
    const head = await headOf(file);
    return head.startsWith('GGUF') && head.includes(imatrixKey);
  },
  profile: async (file: string) => (await headOf(file)).startsWith(profileHead),
} satisfies Record<string, (file: string) => Promise<boolean>>;

export type FileKind = keyof typeof fileKinds;

/** The beginning of the first line of results: of cells of a leaderboard, and of entries of a sweep. */
const resultHead = '{"format":';

/** The same for folders. */
export const folderKinds = {
  checkpoint: (folder: string) => holds(folder, ['config.json', 'moepress_plan.json']),
  onnx: async (folder: string) => (await configOf(folder))?.moepress?.format === 'onnx',
  refined: (folder: string) => holds(folder, ['plan.json', 'learned.safetensors']),
  leaderboard: (folder: string) => holdsResults(folder, 'results.jsonl'),
  sweep: (folder: string) => holdsResults(folder, 'results.ndjson'),
  jobs: holdsJobs,
} satisfies Record<string, (folder: string) => Promise<boolean>>;

export type FolderKind = keyof typeof folderKinds;

async function holds(folder: string, names: readonly string[]): Promise<boolean> {
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
  return found.every((info) => info?.isFile());
}

/** config.json of a folder, or null. */
async function configOf(
  folder: string,
): Promise<{ readonly moepress?: { readonly format?: unknown } } | null> {
  const file = join(folder, 'config.json');
  try {
    return (await stat(file)).size > mostBytes ? null : JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return null;
  }
}

/** Whether a folder has a file of results; it is empty until there are some, and its last line may be torn. */
async function holdsResults(folder: string, name: string): Promise<boolean> {
  if (!(await holds(folder, [name]))) return false;
  const head = await headOf(join(folder, name));
  return resultHead.startsWith(head) || head.startsWith(resultHead);
}

/** The name of a job's folder, of a recipe that is run. */
const jobFolder = /^(measure|compress|heal|export|evaluate|compare)-[0-9a-f]{12}$/;

/** Whether a folder has folders of jobs, and nothing else but the lock of a run, which stays there if the run is killed. */
async function holdsJobs(folder: string): Promise<boolean> {
  const names = await contentOf(folder).catch(() => []);
  return names.length > 0 && names.every((name) => jobFolder.test(name));
}

async function headOf(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => null);
  try {
    const read = await file?.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return read ? read.buffer.toString('utf8', 0, read.bytesRead) : '';
  } finally {
    await file?.close();
  }
}
