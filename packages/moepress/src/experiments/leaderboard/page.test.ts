import { describe, expect, it } from 'vitest';
import { metricsOf } from '../metric.js';
import { type Cell, newCell } from './cell.js';
import { leaderboardPage } from './page.js';
import { publishedTables } from './published-tables.js';

function cell(scores: Cell['scores']): Cell {
  return newCell({
    variant: 'ab',
    model: '</script>',
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

async function pageOf(scores: Cell['scores']) {
  const cells = [cell(scores)];
  const page = await leaderboardPage('Small & quick', cells, metricsOf(cells), await publishedTables());
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
    expect(data.rows[0]).toMatchObject({ model: '</script>', average: 0.5 });
  });

  it('shows papers with the same tasks beside ours', async () => {
    const { data } = await pageOf({ arc_easy: { 'acc,none': 0.4, 'acc_norm,none': 0.5 } });
    const [ours, ...papers] = data.rows;
    expect(ours.average).toBe(0.5);
    expect(papers.length).toBeGreaterThanOrEqual(33);
    for (const { source, scores, average } of papers) {
      expect(source.url).toMatch(/^https:\/\/arxiv\.org\//);
      expect(average).toBe(scores.arc_easy['acc_norm,none']);
    }
  });
});
