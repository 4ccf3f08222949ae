import { describe, expect, test } from 'vitest';
import {
  formatAmount,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  printable,
} from './format.js';

describe('formats', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [4_146_016, '4.15 MB'],
    [13_838_323_712, '13.8 GB'],
    [999_600, '1.00 MB'],
    [123_456_789, '123 MB'],
    [5e15, '5000 TB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [640, '640'],
    [2_064_128, '2.06 M'],
    [6_919_161_856, '6.92 B'],
    [12.345, '12.3'],
    [0.5, '0.500'],
  ])('a count of %d is %s', (count, text) => expect(formatCount(count)).toBe(text));

  test.each([
    [0.04, '0.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.6, '1 min 00 s'],
    [200, '3 min 20 s'],
    [3900, '1 h 05 min'],
    [90_000, '25 h 00 min'],
  ])('%d seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  test('percentages have one digit unless told otherwise', () => {
    expect(formatPercent(0.23333)).toBe('23.3 %');
    expect(formatPercent(0.5, 0)).toBe('50 %');
  });

  test('bytes have units of their own', () => {
    expect(formatAmount(1500, 'bytes')).toBe('1.50 kB');
    expect(formatAmount(1500, 'tokens')).toBe('1.50 k tokens');
    expect(formatAmount(1, 'tasks')).toBe('1 task');
  });

  test('text of strangers cannot steer the terminal', () => {
    expect(printable('a\n\tb ± █')).toBe('a\n\tb ± █');
    expect(printable('\u001b[2J\r\u009b31m\u0007')).toBe('\\x1b[2J\\x0d\\x9b31m\\x07');
  });
});
