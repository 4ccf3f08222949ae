import { expect, it } from 'vitest';
import { formatTable } from '../text/table.js';
import { cells, columns } from './demo-row.js';
import { allVariants } from './demo-variants.js';

it('fits all variants into 100 columns', () => {
  const of = (task: string) => ({ [task === 'tiny_gsm' ? 'exact_match,strict-match' : 'acc,none']: 0.5 });
  const results = {
    ...Object.fromEntries(['tiny_gsm', 'tiny_facts', 'tiny_where'].map((task) => [task, of(task)])),
    tiny_heldout: { 'token_perplexity,none': 12.3456 },
  };
  const rows = [null, ...allVariants].map((variant) =>
    cells({ variant, removed: { routed: 0.75, whole: 0.57 }, bytes: 4_180_000, results: results as never }),
  );
  for (const line of formatTable(columns, rows).split('\n'))
    expect([...line].length).toBeLessThanOrEqual(100);
});
