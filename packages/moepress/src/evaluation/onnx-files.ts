import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FileDigests } from '@moepress/checkpoint';
import { sha256, type Work } from '@moepress/core';
import { type OnnxDtype, onnxDtypes } from '@moepress/harness';
import { type ContentHash, defaultDigestsRoot } from '@moepress/runtime';

/**
 * SHA-256 in hexadecimal over what a ready-made model in a folder is made of: its ONNX files of one number format with
 * their external data, and all JSON files. Where the folder lies does not matter. Throws what `FileDigests` throws.
 */
export async function onnxFilesHash(directory: string, dtype: OnnxDtype, work: Work): Promise<ContentHash> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => isPart(name, dtype));
  const paths = names.sort().map((name) => join(directory, name));
  const files = await new FileDigests(defaultDigestsRoot()).of(paths, work);
  const contents = names.map((name, i) => [name, files.digests.get(paths[i]!)!]);
  const hash = sha256(JSON.stringify(contents));
  return { hash, checkUnchanged: files.checkUnchanged };
}

/** Graphs hold weights themselves or name files beside them, whatever these are called. */
function isPart(path: string, dtype: OnnxDtype): boolean {
  if (path.endsWith('.json')) return true;
  if (!/(^|[\\/])onnx[\\/][^\\/]+$/.test(path)) return false;
  const name = basename(path);
  const ofAnother = Object.values(onnxDtypes).some(
    (suffix) => suffix !== onnxDtypes[dtype] && name.startsWith(`model${suffix}.onnx`),
  );
  return !ofAnother;
}
