import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MoepressError, sha256, suggest, type Work } from '@moepress/core';
import { findArchitecture } from '../../architectures/index.js';
import { cacheRoot } from '../../files/cache-root.js';
import { asWriteError } from '../../files/file-errors.js';
import { openOwnFile, ownFile } from '../../folder/own-files.js';
import { type GgufFile, readGguf } from '../read-gguf.js';
import { ggufConfig } from './gguf-config.js';
import { type GgufSizes, ggufArchitectureNames, ggufFamilyOf } from './gguf-families.js';
import { GgufMetadata } from './gguf-metadata.js';
import { type GgufTensors, nameGgufTensors } from './gguf-tensors.js';
import { ggufTokenizer } from './gguf-tokenizer.js';
import { readRopeFactors } from './rope-factors.js';

/** What stands in for a checkpoint folder of a model in GGUF files. */
export interface OpenedGguf extends GgufTensors {
  /** A folder in the cache with config.json and the tokenizer, and no weights. */
  readonly directory: string;
  readonly headerHash: string;
  /** Absolute paths of the files. */
  readonly files: readonly string[];
}

/** Files next to a GGUF file that are believed instead of what it says of its tokenizer. */
const companions = [
  'tokenizer.json',
  'tokenizer_config.json',
  'generation_config.json',
  'chat_template.jinja',
];

/** Changes when the same file would be described otherwise. */
const format = 1;

/**
 * Reads the headers of a GGUF file, or of all parts of one that was split, and describes it as a checkpoint: config.json
 * and tokenizer are written to a folder in the cache, tensors get the names of the family. `tokenizer.json` next to the
 * file takes the place of the tokenizer that it holds. Weights are not read.
 * Throws `CHECKPOINT_NOT_FOUND`, `CHECKPOINT_INVALID`, `ARCHITECTURE_UNKNOWN`, `CONFIG_UNSUPPORTED`, `WRITE_FAILED`.
 */
export async function openGguf(path: string, { progress }: Work): Promise<OpenedGguf> {
  const files = await readParts(path);
  const [first] = files as [GgufFile];
  const metadata = new GgufMetadata(first);
  const family = ggufFamilyOf(metadata);
  if (!family) throw unknownArchitecture(metadata.architecture, first.path);
  const sizes = { ...sizesOf(files), ropeFactors: await readRopeFactors(files) };
  const config = ggufConfig(metadata, family, sizes);
  checkLayers(config.num_hidden_layers as number, files, metadata);
  const manifest = findArchitecture(family.modelType, first.path);
  const made = ggufTokenizer(metadata);
  const beside = await readBeside(dirname(resolve(path)));
  if ('why' in made && !beside.has('tokenizer.json')) {
    const message = `${path}: ${made.why}: texts cannot be read. Put tokenizer.json next to the file.`;
    progress?.({ type: 'warning', message });
  }
  const contents = new Map<string, string | Buffer>([
    ['config.json', render(config)],
    ...('why' in made
      ? []
      : ([
          ['tokenizer.json', render(made.tokenizer)],
          ['tokenizer_config.json', render(made.settings)],
        ] as const)),
    ...beside,
  ]);
  const headerHash = files.length === 1 ? first.headerHash : sha256(...files.map((file) => file.headerHash));
  const directory = await writeDescription(contents, basename(path));
  const { layers, headDim } = {
    layers: config.num_hidden_layers as number,
    headDim: config.head_dim as number,
  };
  const isPaired = family.rotates === 'neighbours';
  const tensors = nameGgufTensors(files, { manifest, layers, headDim, isPaired });
  return { ...tensors, directory, headerHash, files: files.map((file) => file.path) };
}

/** Each layer has tensors, so that a file cannot have more layers than tensors. */
function checkLayers(layers: number, files: readonly GgufFile[], metadata: GgufMetadata): void {
  const tensors = files.reduce((sum, file) => sum + file.tensors.size, 0);
  if (layers >= 0 && layers <= tensors) return;
  throw metadata.invalid(`The metadata tell of ${layers} layers, and there are ${tensors} tensors`);
}

const render = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

/** Parts of one model are numbered from 1, and the first has the metadata. */
const partName = /-(\d{5})-of-(\d{5})\.gguf$/i;

/** The most parts: the largest published models have some dozens. */
const mostParts = 1000;

async function readParts(path: string): Promise<GgufFile[]> {
  const [, number, count] = partName.exec(path) ?? [];
  if (count === undefined || Number(count) === 1) return [await readGguf(path)];
  const total = Number(count);
  if (total < 1 || total > mostParts || Number(number) < 1)
    throw new MoepressError('CHECKPOINT_INVALID', { message: `A model of ${total} parts.`, where: path });
  const files: GgufFile[] = [];
  for (let part = 1; part <= total; part++)
    files.push(await readGguf(path.replace(partName, `-${String(part).padStart(5, '0')}-of-${count}.gguf`)));
  return files;
}

function sizesOf(files: readonly GgufFile[]): Omit<GgufSizes, 'ropeFactors'> {
  const shapes = new Map(
    files.flatMap(({ tensors }) => [...tensors.values()].map(({ name, shape }) => [name, shape] as const)),
  );
  return { has: (name) => shapes.has(name), shapeOf: (name) => shapes.get(name) ?? [] };
}

/** Throws `CHECKPOINT_INVALID` for links to elsewhere: what is read here is copied into what is written of the model. */
async function readBeside(folder: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const name of companions) {
    const own = await ownFile(folder, name);
    if (own === null || own.bytes > mostCompanion) continue;
    const file = await openOwnFile(own);
    try {
      found.set(name, await file.readFile());
    } finally {
      await file.close();
    }
  }
  return found;
}

/** Bytes of a file beside the weights. */
const mostCompanion = 256 * 2 ** 20;

/** A folder named by what is in it, which appears whole or not at all. */
async function writeDescription(
  contents: ReadonlyMap<string, string | Buffer>,
  name: string,
): Promise<string> {
  const parts = [...contents].flatMap(([file, content]) => [file, sha256(content)]);
  const address = sha256(JSON.stringify([format, name, ...parts])).slice(0, 32);
  const folder = join(cacheRoot(), 'described', address, name.replace(/\.gguf$/i, ''));
  if (await stat(join(folder, 'config.json')).catch(() => null)) return folder;
  const own = `${dirname(folder)}.${process.pid}`;
  try {
    const inside = join(own, basename(folder));
    await mkdir(inside, { recursive: true });
    for (const [file, content] of contents) await writeFile(join(inside, file), content);
    await rename(own, dirname(folder)).catch(async (error) => {
      // Somebody else has made the same meanwhile.
      if (!(await stat(join(folder, 'config.json')).catch(() => null))) throw error;
    });
  } catch (cause) {
    throw asWriteError(cause, folder);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
  return folder;
}

function unknownArchitecture(name: string, where: string): MoepressError {
  const near = suggest(name, ggufArchitectureNames);
  return new MoepressError('ARCHITECTURE_UNKNOWN', {
    message: `GGUF files of the architecture "${name}" are not read.${near ? ` Did you mean ${near}?` : ''}`,
    where,
    hint: `Use the repository that the file was made from, or a file of one of ${ggufArchitectureNames.join(', ')}.`,
  });
}
