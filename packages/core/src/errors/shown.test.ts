import { describe, expect, it } from 'vitest';
import { MoepressError } from './error.js';
import { cut, shown, withoutSecrets } from './shown.js';

describe('shown', () => {
  it('is JSON, cut where it is long', () => {
    expect(shown({ a: [1, 'x'] })).toBe('{"a":[1,"x"]}');
    expect(shown('x'.repeat(1e6))).toMatch(/^"x{149}… \(999802 characters\) …x{49}"$/);
    expect(shown(undefined)).toBe('undefined');
  });

  it('shows what JSON cannot', () => {
    const endless: unknown[] = [];
    endless.push(endless);
    expect(shown(endless)).toBe('');
    expect(shown(10n)).toBe('10');
  });

  it('keeps beginning and end', () => {
    expect(cut('abcdefghij', 4)).toBe('abc… (6 characters) …j');
    expect(cut('abcd', 4)).toBe('abcd');
  });
});

describe('withoutSecrets', () => {
  it.each([
    ['https://me:secret@host/x and redis://:secret@host', 'https://***@host/x and redis://***@host'],
    ['Headers.set: "Bearer hf_abc\nx" is invalid', 'Headers.set: "Bearer ***\nx" is invalid'],
    ['the token hf_0123456789abcdef', 'the token ***'],
    ['the key sk-proj-0123456789', 'the key ***'],
    ['an address such as https://host/a@b?c@d', 'an address such as https://host/a@b?c@d'],
    ['a half_baked task-list of the user me@host', 'a half_baked task-list of the user me@host'],
  ])('%s', (text, clean) => {
    expect(withoutSecrets(text, {})).toBe(clean);
  });

  it('knows those of the environment, also in parts', () => {
    const env = { HF_TOKEN: 'first-half\nother-half', MY_API_KEY: 'abcdefgh', HF_TOKEN_PATH: '/home/token' };
    expect(withoutSecrets('first-half other-half abcdefgh /home/token', env)).toBe('*** *** *** /home/token');
  });
});

it('is done to every error of ours', () => {
  const error = new MoepressError('INPUT_INVALID', {
    message: `${'x'.repeat(1e5)} Bearer abc`,
    where: 'https://me:secret@host',
    hint: 'Ask https://me:secret@host.',
  });
  expect(error.message.length).toBeLessThan(2100);
  expect(error.toJSON()).toMatchObject({ where: 'https://***@host', hint: 'Ask https://***@host.' });
  expect(error.message).toMatch(/Bearer \*\*\*$/);
});
