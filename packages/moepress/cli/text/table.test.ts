import { describe, expect, test } from 'vitest';
import { formatTable } from './table.js';

describe('formatTable', () => {
  test('aligns words left and numbers right', () => {
    const columns = [{ title: 'method' }, { title: 'acc', align: 'right' as const }, { title: 'note' }];
    const rows = [
      ['conmoe', '0.99 ± 0.01', 'best'],
      ['random', '0.5', ''],
    ];
    expect(formatTable(columns, rows)).toBe(
      [
        'method          acc  note', //
        '------  -----------  ----',
        'conmoe  0.99 ± 0.01  best',
        'random          0.5',
      ].join('\n'),
    );
  });

  test('missing cells are empty, no rows leave the titles', () => {
    expect(formatTable([{ title: 'a' }, { title: 'b' }], [['x']])).toBe('a  b\n-  -\nx');
    expect(formatTable([{ title: 'a' }], [])).toBe('a\n-');
  });
});
