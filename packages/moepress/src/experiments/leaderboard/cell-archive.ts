import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { MoepressError, parseJson } from '@moepress/core';
import { z } from 'zod';
import { writeWhole } from '../../files/output.js';
import { type Cell, filesOf, parseCell, readCell } from './cell.js';

/** Bytes of samples that travel with a cell; those of full suites stay where they were made. */
const mostSamples = 32 * 2 ** 20;
/** Far more than plan, results and samples of a cell take. */
const mostBytes = 80 * 2 ** 20;

const parcelSchema = z.object({
  cell: z.unknown(),
  /** Texts by their path in the folder of the leaderboard. */
  files: z.record(z.string(), z.string()),
});

/** A cell and its files, for another machine. */
export async function packCell(out: string, cell: Cell): Promise<Buffer> {
  const samples: [string, string][] = [];
  let room = mostSamples;
  for (const [task, path] of Object.entries(cell.samples)) {
    const { size } = await stat(join(out, path));
    if (size > room) continue;
    room -= size;
    samples.push([task, path]);
  }
  const paths = filesOf({ ...cell, samples: Object.fromEntries(samples) });
  const texts = paths.map(async (path) => [path, await readFile(join(out, path), 'utf8')]);
  const parcel = {
    cell: { ...cell, samples: Object.fromEntries(samples) },
    files: Object.fromEntries(await Promise.all(texts)),
  };
  return promisify(gzip)(JSON.stringify(parcel));
}

/**
 * Writes the files of a parcel, then the cell as `file`, unless it is there: this machine or one that shares the
 * folder has computed it. Throws `INPUT_INVALID` for what is no parcel of that variant, and what writing throws.
 */
export async function unpackCell(
  out: string,
  file: string,
  variant: string,
  parcel: Uint8Array,
): Promise<Cell> {
  const own = await readCell(file, variant);
  if (own !== null) return own;
  const { cell, files } = await open(parcel, variant);
  for (const path of filesOf(cell)) {
    const text = Object.hasOwn(files, path) ? files[path] : undefined;
    if (text === undefined) throw unfit(variant);
    await writeWhole(join(out, path), text);
  }
  await writeWhole(file, `${JSON.stringify(cell)}\n`);
  return cell;
}

async function open(parcel: Uint8Array, variant: string) {
  try {
    const text = await promisify(gunzip)(parcel, { maxOutputLength: mostBytes });
    const { cell, files } = parcelSchema.parse(parseJson(text.toString()));
    const parsed = parseCell(cell, variant);
    if (parsed !== null) return { cell: parsed, files };
  } catch (cause) {
    throw unfit(variant, cause);
  }
  throw unfit(variant);
}

function unfit(variant: string, cause?: unknown): MoepressError {
  return new MoepressError('INPUT_INVALID', {
    message: `What the queue holds of the variant ${variant.slice(0, 16)} is not a cell of a leaderboard.`,
    where: 'queue',
    hint: 'Use a Redis server that only machines with the same moepress write to.',
    cause,
  });
}
