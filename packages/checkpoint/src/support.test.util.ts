/** Shared by the tests of this package. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MoepressError } from '@moepress/core';
import { onTestFinished } from 'vitest';

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** An empty folder that goes when the test does. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'moepress-checkpoint-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of a fixture that the test may damage. */
export async function copyOfFixture(name: string): Promise<string> {
  const folder = await temporaryFolder();
  await cp(fixture(name), folder, { recursive: true });
  return folder;
}

/** Rewrites a JSON file of a copy. */
export async function edit(
  directory: string,
  file: string,
  change: (json: Record<string, unknown>) => void,
): Promise<void> {
  const json = JSON.parse(await readFile(join(directory, file), 'utf8'));
  change(json);
  await writeFile(join(directory, file), JSON.stringify(json));
}

/** The bytes of a safetensors file with any header, however wrong. */
export function rawFile(header: unknown, dataBytes: number): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

/** The error a promise is rejected with, which must be one of ours. */
export async function failure(work: Promise<unknown>): Promise<MoepressError> {
  const error = await work.then(
    () => new Error('It succeeded.'),
    (cause: unknown) => cause,
  );
  if (!MoepressError.isInstance(error)) throw error;
  return error;
}
