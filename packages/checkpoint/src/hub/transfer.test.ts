import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support.test.util.js';
import { sha256 } from './server.test.util.js';
import { fetchFile, type Transfer } from './transfer.js';

const bytes = Buffer.from('a model of a hundred bytes and some '.repeat(4));

/** Fetches the bytes from a source that breaks off after `portion` of them, again and again. */
async function fetchInPortions(portion: number, sum: string | null) {
  const path = join(await temporaryFolder(), 'file');
  const waits: number[] = [];
  let tries = 0;
  const transfer: Transfer = {
    where: 'file',
    path,
    size: bytes.length,
    sha256: sum,
    async open(position) {
      tries++;
      return (async function* () {
        yield bytes.subarray(position, position + portion);
        if (position + portion < bytes.length) throw new Error('broken');
      })();
    },
  };
  const fetched = fetchFile(
    transfer,
    () => {},
    undefined,
    async (wait) => void waits.push(wait),
  );
  return { fetched, path, waits, tries: () => tries };
}

it('goes on after some breaks, and waits longer after each', async () => {
  const { fetched, path, waits } = await fetchInPortions(20, sha256(bytes));
  await fetched;
  expect(await readFile(path)).toEqual(bytes);
  expect(waits).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800]);
});

it('ends after some tries, whatever came in between', async () => {
  const { fetched, waits, tries } = await fetchInPortions(1, sha256(bytes));
  await expect(fetched).rejects.toThrow('broken');
  expect(tries()).toBe(20);
  expect(Math.max(...waits)).toBe(20_000);
});

it('begins anew where nothing could check the parts, and gives up soon', async () => {
  const { fetched, tries } = await fetchInPortions(100, null);
  await expect(fetched).rejects.toThrow('broken');
  expect(tries()).toBe(4);
});
