import { describe, expect, it } from 'vitest';
import { pageOf as contentOf } from './board.test.util.js';
import { type Cell, newCell } from './cell.js';
import { leaderboardPage } from './page.js';
import { publishedTables } from './published-tables.js';

function cell(scores: Cell['scores'], model: string): Cell {
  return newCell({
    variant: 'ab',
    model,
    revision: null,
    method: null,
    ratio: 0,
    calibration: null,
    seed: null,
    removed: { routed: 0, whole: 0 },
    parameters: 1,
    bytes: 2,
    throughput: null,
    scores,
    plan: null,
    results: 'results.json',
    samples: {},
  });
}

async function pageOf(scores: Cell['scores'], model = '</script>') {
  const content = { ...contentOf([cell(scores, model)]), tables: await publishedTables() };
  const page = await leaderboardPage({ ...content, title: 'Small & quick' });
  return {
    page,
    data: JSON.parse(/<script type="application\/json" id="data">(.*)<\/script>/.exec(page)![1]!),
  };
}

describe('leaderboardPage', () => {
  it('needs nothing else, and lets no text out of its place', async () => {
    const { page, data } = await pageOf({ tiny_facts: { 'acc,none': 0.5 } });
    expect(page).toContain('<title>Small &#38; quick</title>');
    expect(page).not.toMatch(/<(script|link|img)[^>]*(src|href)="(?!data:)/);
    expect(page).not.toContain('{{');
    expect(data.rows).toHaveLength(1);
    expect(data.rows[0]).toMatchObject({ model: '</script>', average: { value: 0.5 } });
  });

  it('shows papers on the same model and tasks beside ours, and the others apart', async () => {
    const scores = { arc_easy: { 'acc,none': 0.4, 'acc_norm,none': 0.5 } };
    const { data } = await pageOf(scores, 'mirror/Qwen3-30B-A3B');
    const [ours, ...papers] = data.rows;
    expect(ours.average).toEqual({ value: 0.5, error: null });
    expect(papers.length).toBeGreaterThanOrEqual(5);
    for (const { model, source, scores: own, average } of papers) {
      expect(model).toBe('Qwen/Qwen3-30B-A3B');
      expect(source.url).toMatch(/^https:\/\/arxiv\.org\//);
      expect(average).toEqual(own[0]);
    }
    expect(data.tables.length).toBe((await publishedTables()).length);
    const isOurs = data.tables.map(({ models }: { models: { model: string }[] }) =>
      models.some(({ model }) => model.endsWith('/Qwen3-30B-A3B')),
    );
    expect(isOurs.lastIndexOf(true)).toBe(data.tablesOfModels - 1);
    expect((await pageOf(scores)).data.rows).toHaveLength(1);
  });
});
