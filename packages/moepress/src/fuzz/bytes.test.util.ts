import type { Random } from './random.test.util.js';

/** The bytes with a few changes: cut off, flipped, gone, repeated, or others put in. */
export function mutateBytes(given: Uint8Array, random: Random): Buffer {
  let bytes = Buffer.from(given);
  const changes = random.pick([1, 1, 2, 4]);
  for (let i = 0; i < changes && bytes.length > 0; i++) bytes = changed(bytes, random);
  return bytes;
}

function changed(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const at = random.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + random.below(64));
  const part = bytes.subarray(at, end);
  const result = Buffer.from(bytes);
  switch (random.below(7)) {
    case 0:
      return Buffer.from(bytes.subarray(0, at));
    case 1:
      result[at]! ^= 1 << random.below(8);
      return result;
    case 2:
      result[at] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
      return result;
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 4:
      return Buffer.concat([
        bytes.subarray(0, at),
        part,
        ...Array(random.pick([1, 2, 500])).fill(part),
        bytes.subarray(end),
      ]);
    case 5:
      result.fill(random.pick([0, 0xff, 0x5b, 0x22]), at, end);
      return result;
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(tokens)), bytes.subarray(at)]);
  }
}

/** What means something in one format or another. */
const tokens = [
  ...[
    '{',
    '[',
    '"',
    '\\',
    '\n',
    '\r\n',
    ',',
    ':',
    '&a ',
    '*a',
    '- ',
    '!!',
    '<<: *a\n',
    '%',
    '{{',
    '}}',
    '{% ',
  ],
  ...[
    '%}',
    '|',
    '(',
    ')',
    '\u0000',
    '\ufeff',
    '\t',
    'NaN',
    '1e999',
    '__proto__',
    '😀',
    '=',
    '#',
    '---\n',
    '...',
  ],
];

/** The text with such changes; half of them in whole words. */
export function mutateText(text: string, random: Random): string {
  if (random.chance(0.5)) return mutateBytes(Buffer.from(text), random).toString();
  const words = text.split(/(?<=[\s,:[\]{}()|%])/);
  const changes = random.pick([1, 1, 2, 4]);
  for (let i = 0; i < changes; i++) {
    const at = random.below(words.length);
    const other = random.chance(0.5) ? random.pick(words) : random.pick(tokens);
    words.splice(at, random.below(2), ...Array<string>(random.pick([1, 1, 1, 2, 200])).fill(other));
  }
  return words.join('');
}
