import { expect, it } from 'vitest';
import { publishedRows, publishedTables } from './published-tables.js';

/** Means that papers print and their own rows do not have. */
const misprinted = new Set([
  'Less is MoE (He et al., 2026), Table 3: original',
  'AGC (2026), Table 3: AGC, fine-tuned on Alpaca',
]);

it('holds tables without slips of the pen', async () => {
  const tables = await publishedTables();
  expect(tables.length).toBeGreaterThan(15);
  for (const { source, columns, models } of tables) {
    const mean = columns.findIndex(({ name }) => name === 'Average');
    for (const { method, ratio, scores } of models.flatMap(({ rows }) => rows)) {
      const label = `${source.title}, ${source.table}: ${method ?? 'original'}`;
      expect(scores, label).toHaveLength(columns.length);
      if (ratio !== null) expect(method === null, label).toBe(ratio === 0);
      // Those with perplexities among them, or with values that were not given, cannot be checked.
      const others = scores.filter((score, i) => i !== mean && score !== null && score < 1);
      if (mean < 1 || others.length !== columns.length - 1 || misprinted.has(label)) continue;
      const sum = others.reduce<number>((total, score) => total + score!, 0);
      expect(Math.abs(sum / others.length - scores[mean]!), label).toBeLessThan(0.0012);
    }
  }
});

it('puts beside ours what is comparable, with the size it has', async () => {
  const rows = publishedRows(await publishedTables());
  expect(rows.map(({ source }) => source.title)).toContain('CD-MoE (Cao et al., 2024)');
  const half = rows.find(
    ({ model, method, ratio }) => /OLMoE/.test(model) && method === 'REAP' && ratio === 0.5,
  )!;
  expect(half.parameters).toBeCloseTo(6.92e9 - 6.442e9 / 2, -3);
  expect(half.scores.arc_easy).toEqual({ 'acc_norm,none': 0.582 });
  const merged = rows.find(({ method }) => method === 'M-SMoE, 9 layers')!;
  expect(merged.removed.whole).toBeCloseTo(0.3, 5);
  expect(merged.removed.routed).toBeCloseTo(0.3 * (16.38 / 14.948), 5);
});
