import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fixture, temporaryFolder } from '../support.test.util.js';
import { openTokenizer } from './open-tokenizer.js';

const sound = JSON.parse(readFileSync(fixture('tokenizers/table.json'), 'utf8')).tokenizers.bytes;
const regex = { Regex: '(a+)+$' };
/** A pattern that takes a backtracking engine 2^40 steps. */
const text = `${'a'.repeat(40)}!`;

async function tokenizer(changes: object) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ ...sound, ...changes }));
  return openTokenizer(folder, { patience: 200 });
}

const stopped = expect.objectContaining({
  code: 'TOKENIZER_STOPPED',
  where: expect.stringContaining('tokenizer.json'),
});

it('stops regular expressions that take for ever, and goes on', async () => {
  const split = { type: 'Split', pattern: regex, behavior: 'Isolated', invert: false };
  const given = await tokenizer({ pre_tokenizer: split });
  const answers = await Promise.allSettled([given.encodeAll([text]), given.encodeAll(['b'])]);
  expect(answers).toEqual([
    { status: 'rejected', reason: stopped },
    { status: 'fulfilled', value: [expect.any(Array)] },
  ]);
  expect(() => given.encode(text)).toThrow(stopped);
  expect(given.encode('b')).toEqual(expect.any(Array));
});

it('hears Ctrl-C meanwhile', async () => {
  const given = await tokenizer({ normalizer: { type: 'Replace', pattern: regex, content: '' } });
  const signal = AbortSignal.timeout(100);
  await expect(given.encodeAll([text], { signal })).rejects.toMatchObject({ code: 'ABORTED' });
});

it('is shared by those who open the same files', async () => {
  const folder = await temporaryFolder();
  const write = (json: object) => writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  await write(sound);
  const first = await openTokenizer(folder);
  expect(await openTokenizer(folder)).toBe(first);
  await write({ ...sound, version: '2.0' });
  expect(await openTokenizer(folder)).not.toBe(first);
});
