import { describe, expect, it } from 'vitest';
import { capitalize, codePointLength, lstrip, rstrip, strip } from './text.js';

describe('Python whitespace', () => {
  it('includes the separators U+001C to U+001F and U+0085', () => {
    expect(strip('\u001c\u0085\u00a0 x y \u2003\n\u001f')).toBe('x y');
  });

  it('does not include the byte order mark', () => {
    expect(strip('\ufeffx\ufeff')).toBe('\ufeffx\ufeff');
  });

  it('strips one side only', () => {
    expect([lstrip(' a '), rstrip(' a ')]).toEqual(['a ', ' a']);
  });

  it('strips a text of blanks to nothing', () => {
    expect([lstrip('\t \n'), rstrip('\t \n'), strip('')]).toEqual(['', '', '']);
  });
});

it('counts code points, not UTF-16 units', () => {
  expect([codePointLength('é漢😀'), codePointLength('e\u0301')]).toEqual([3, 2]);
});

it.each([
  ['the BMX rider', 'The bmx rider'],
  ['ßa', 'Ssa'],
  ['ǆ x', 'ǅ x'],
  ['İSTANBUL', 'İstanbul'],
  ['ΌΣΟΣ ΣΑΣ', 'Όσος σας'],
  ['1A', '1a'],
  ['ŉB', 'ʼNb'],
  ['ᲐᲑᲒ', 'Აბგ'],
  ['აბგ', 'აბგ'],
  ['ᾳΑ', 'ᾼα'],
  ['\u1fb7Α', '\u0391\u0342\u0345α'],
  ['ᾲΑ', 'Ὰͅα'],
  ['ᾠΑ', 'ᾨα'],
  ['', ''],
])('capitalizes %j as Python does', (text, capitalized) => {
  expect(capitalize(text)).toBe(capitalized);
});
