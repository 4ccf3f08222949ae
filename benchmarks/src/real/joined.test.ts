import { expect, it } from 'vitest';
import { joined } from './joined.js';
import type { Row } from './measure.js';

const row = (shape: string, job: string, note = '') => ({ shape, layers: 2, job, note }) as Row;

it('puts rows in the places of earlier ones of the same command, and new ones behind those of their shape', () => {
  const earlier = [row('a', 'eval'), row('a', 'serve'), row('b', 'eval')];
  const rows = [row('a', 'apply', 'new'), row('b', 'eval', 'again')];
  expect(joined(earlier, rows)).toEqual([
    row('a', 'eval'),
    row('a', 'serve'),
    row('a', 'apply', 'new'),
    row('b', 'eval', 'again'),
  ]);
});

it('takes the same command on more layers for another row', () => {
  const deeper = { ...row('a', 'eval'), layers: 4 };
  expect(joined([row('a', 'eval')], [deeper])).toHaveLength(2);
});
