import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { metricsOf } from '../metric.js';
import { inventedCells } from './board.test.util.js';
import { boardRows } from './board-row.js';
import type { Cell } from './cell.js';
import { isBest, RowComparer } from './compare-rows.js';
import { leaderboardMarkdown } from './markdown.js';

const [cell] = inventedCells().filter(({ method, ratio }) => method === 'random' && ratio === 0.5);
const accuracy = (value: number): Cell['scores'] => ({
  facts: { 'acc,none': value, 'acc_stderr,none': 0.03 },
});
const bySeed = (seed: number, more: Partial<Cell>): Cell => ({
  ...cell!,
  seed,
  variant: `v${seed}`,
  ...more,
});

describe('boardRows', () => {
  const rowsOf = (cells: readonly Cell[]) => boardRows(cells, metricsOf(cells)).map(({ row }) => row);

  it('makes no row of seeds that decided the same, and averages those that did not', () => {
    const same = [0, 1].map((seed) => bySeed(seed, { decision: 'same', scores: accuracy(0.5) }));
    expect(rowsOf(same)).toMatchObject([{ seeds: [0], average: { value: 0.5, error: 0.03 } }]);
    const others = [0.4, 0.5, 0.9].map((value, seed) =>
      bySeed(seed, { decision: `d${seed}`, scores: accuracy(value), bytes: 10 * (seed + 1) }),
    );
    const [row, ...more] = rowsOf(others);
    expect(more).toEqual([]);
    expect(row!.seeds).toEqual([0, 1, 2]);
    expect(row!.bytes).toBe(20);
    expect(row!.average!.value).toBeCloseTo(0.6, 12);
    // The squares 0.04, 0.01 and 0.09, divided by two.
    expect(row!.average!.error).toBeCloseTo(Math.sqrt(0.07), 12);
    expect(row!.files.map(({ seed }) => seed)).toEqual([0, 1, 2]);
  });

  it('keeps apart what is no other seed, and cells that do not say what they share', () => {
    const cells = [
      bySeed(0, { row: 'a' }),
      bySeed(1, { row: 'b' }),
      bySeed(2, { row: null }),
      bySeed(3, { row: null }),
    ];
    expect(rowsOf(cells)).toHaveLength(4);
  });

  it('averages nothing where a seed lacks a task', () => {
    const cells = [
      bySeed(0, { decision: 'a', scores: accuracy(1) }),
      bySeed(1, { decision: 'b', scores: {} }),
    ];
    expect(rowsOf(cells)).toMatchObject([{ scores: [null], average: null }]);
  });
});

describe('RowComparer', () => {
  /** Cells of three methods that answered `right` of 40 documents, each the first ones. */
  async function compared(right: readonly number[]) {
    const folder = mkdtempSync(join(tmpdir(), 'moepress-rows-'));
    try {
      const cells = right.map((count, i) => {
        const time = `2026-01-01T00-00-0${i}`;
        const lines = [...Array(40).keys()].map((document) =>
          JSON.stringify({
            ...{ doc_id: document, filter: 'none', metrics: ['acc'], doc_hash: 'h' },
            acc: document < count ? 1 : 0,
          }),
        );
        writeFileSync(join(folder, `samples_facts_${time}.jsonl`), lines.join('\n'));
        writeFileSync(join(folder, `results_${time}.json`), JSON.stringify({ configs: { facts: {} } }));
        const results = `results_${time}.json`;
        return bySeed(0, { variant: `v${i}`, row: `r${i}`, scores: accuracy(count / 40), results });
      });
      const metrics = metricsOf(cells);
      const rows = await new RowComparer(folder).compare(boardRows(cells, metrics), metrics);
      return { rows, metrics };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('finds what is significantly better than all others, document by document', async () => {
    // Five documents that one model alone has right are significant by McNemar's mid-p test (1/32), four are not (1/16).
    const { rows, metrics } = await compared([35, 30, 20]);
    expect(rows.map(({ better }) => better[1])).toEqual([[1, 2], [2], []]);
    expect(rows.map((_, place) => isBest(rows, place, 1))).toEqual([true, false, false]);
    expect(leaderboardMarkdown('Board', rows, metrics).match(/\*\*[\d.]+\*\*/g)).toEqual([
      '**0.875**',
      '**0.875**',
    ]);
    const close = await compared([34, 30, 20]);
    expect(close.rows.map((_, place) => isBest(close.rows, place, 1))).toEqual([false, false, false]);
    expect(close.rows[1]!.better[1]).toEqual([2]);
  });

  it('says nothing where there are no samples', async () => {
    const cells = inventedCells();
    const metrics = metricsOf(cells);
    const rows = await new RowComparer('nowhere').compare(boardRows(cells, metrics), metrics);
    expect(rows.flatMap(({ better }) => better.flat())).toEqual([]);
  });
});
