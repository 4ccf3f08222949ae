import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inventedRows, pageOf } from './board.test.util.js';
import { findChromium } from './browser.test.util.js';
import { leaderboardPage } from './page.js';
import { publishedTables } from './published-tables.js';

const executablePath = findChromium();
const content = pageOf();
const ours = inventedRows(content.metrics);

describe.runIf(executablePath)('the page in a browser', () => {
  let [folder, url] = ['', ''];
  let browser: Browser;
  let page: Page;
  let troubles: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'moepress-page-'));
    const html = await leaderboardPage({ ...content, rows: ours, tables: await publishedTables() });
    writeFileSync(join(folder, 'index.html'), html);
    url = pathToFileURL(join(folder, 'index.html')).href;
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  const open = async (options: Parameters<Browser['newPage']>[0] = {}, address = url) => {
    troubles = [];
    page = await browser.newPage(options);
    page.on('console', (message) => troubles.push(message.text()));
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('request', (request) => {
      if (/^https?:/.test(request.url())) troubles.push(request.url());
    });
    await page.goto(address);
  };
  beforeEach(() => open());
  afterEach(async () => {
    // Nothing is written to the console, and no server is asked.
    expect(troubles).toEqual([]);
    await page.close();
  });

  const board = () => page.getByRole('region', { name: 'Results' });
  const rows = () => board().locator('tbody tr');
  const header = (title: string) =>
    board()
      .getByRole('columnheader')
      .filter({ hasText: new RegExp(`^${title}( [↑↓])?$`) });
  /** What a column shows, without standard errors and sources. */
  const column = (title: string): Promise<string[]> =>
    page.evaluate(
      `(() => {
        const region = document.querySelector('[aria-label=Results]');
        const heads = [...region.querySelectorAll('thead th')];
        const at = heads.findIndex((head) => head.textContent.replace(/ [↑↓]$/, '') === ${JSON.stringify(title)});
        return [...region.querySelectorAll('tbody tr')].map((row) => {
          const cell = row.children[at].cloneNode(true);
          for (const more of cell.querySelectorAll('small, .badge, a')) more.remove();
          return cell.textContent.trim();
        });
      })()`,
    );
  const select = (name: string) => page.getByRole('combobox', { name });

  it('shows every row, and in bold what is significantly the best of those with as much removed', async () => {
    const count = await rows().count();
    expect(count).toBeGreaterThan(ours.length + 5);
    expect(await page.locator('#summary').textContent()).toBe(
      `${count} of ${count} rows, ${ours.length} measured here`,
    );
    // By the average and three tasks, on two models; where half is removed nothing is certain.
    expect(await board().locator('tbody .best').count()).toBe(2 * 4);
    expect(
      await board()
        .locator('tbody tr', { has: page.locator('.best') })
        .allTextContents(),
    ).toEqual([1, 2].map(() => expect.stringMatching(/reap25\.0 %/)));
    await select('Method').selectOption('random');
    expect(await board().locator('tbody .best').count()).toBe(0);
    const notes = await page.locator('.note').first().textContent();
    expect(notes).toContain('on this machine: abacus, 2 threads');
    expect(notes).toContain('the standard deviation among them');
    expect(await page.locator('#origin').textContent()).toBe(
      'Made by moepress 0.0.0 on 2026-11-30 10:20 UTC.',
    );
  });

  it('averages seeds, with the deviation among them', async () => {
    await select('Method').selectOption('random');
    const row = rows().filter({ hasText: 'mean of 2 seeds' }).first();
    // Two seeds that differ by 0.02 have a standard deviation of 0.0141.
    expect(await row.textContent()).toContain('random mean of 2 seeds');
    expect(await row.textContent()).toMatch(/0\.610 ± 0\.014/);
    expect(await row.locator('a', { hasText: 'plan' }).count()).toBe(2);
  });

  it('keeps what is shown in the address, and takes it from there', async () => {
    await select('Method').selectOption('reap');
    await select('Task').selectOption('winogrande (acc)');
    await header('Memory').getByRole('button').click();
    const address = await page.evaluate<string>('location.href');
    expect(address).toContain('#method=reap&task=winogrande+%28acc%29&sort=Memory');
    const shown = await column('Memory');
    await page.close();
    await open({}, address);
    expect(await select('Task').inputValue()).toBe('winogrande (acc)');
    expect(await column('Memory')).toEqual(shown);
    expect((await column('Method')).every((method) => /^reap$/i.test(method))).toBe(true);
    // What an address says that is not there is as at the beginning.
    await page.evaluate("location.hash = '#method=gone&sort=Files'");
    await expect.poll(() => rows().count()).toBeGreaterThan(shown.length);
    expect(await page.evaluate('location.hash')).toBe('');
  });

  it('gives what is shown as CSV and JSON', async () => {
    await select('Method').selectOption('conmoe');
    await page.getByRole('checkbox').uncheck();
    const downloaded = async (name: string) => {
      const waiting = page.waitForEvent('download');
      await page.getByRole('button', { name }).click();
      return readFileSync(await (await waiting).path(), 'utf8');
    };
    const csv = await downloaded('What is shown as CSV');
    const json = await downloaded('as JSON');
    const lines = csv.trim().split('\r\n');
    expect(lines).toHaveLength(1 + 4);
    expect(lines[0]).toMatch(/^model,revision,method,ratio,.*arc_easy acc_norm,none/);
    const data = JSON.parse(json);
    expect(data).toMatchObject({ title: 'Board', version: '0.0.0' });
    expect(data.rows).toHaveLength(4);
    expect(data.rows[0].average_error).toBeCloseTo(Math.hypot(0.011, 0.012) / 2, 12);
  });

  it('tells of a point that is touched, and of all that lie there', async () => {
    await page.getByRole('checkbox').uncheck();
    await page.locator('#memory .point').first().dispatchEvent('click');
    expect(await page.locator('#memory .detail').textContent()).toMatch(
      /original: 0\.750 ± 0\.008 at 14\.00 GB$/,
    );
    const texts = await page.locator('#memory .label').allTextContents();
    expect(texts).toContain('25 %');
    expect(await page.locator('#memory .error').count()).toBeGreaterThan(4);
  });

  it('sorts by each column, both ways, what is missing last', async () => {
    const titles = (await board().locator('thead button').allTextContents()).map((text) =>
      text.replace(/ [↑↓]$/, ''),
    );
    expect(titles).toEqual([
      ...['Model', 'Method', 'Experts removed', 'Average'],
      ...['arc_easy (acc_norm)', 'winogrande (acc)', 'wikitext (word_perplexity)'],
      ...['Memory', 'Tokens/s', 'KL', 'KL p99', 'Top-1', 'Loops', 'Other script', 'Calibration'],
    ]);
    // It comes sorted by the average.
    await header('Model').getByRole('button').click();
    for (const title of titles) {
      const numeric = await header(title.replace(/[()]/g, '\\$&')).evaluate(
        (head) => head.className === 'number',
      );
      for (const direction of numeric ? ['descending', 'ascending'] : ['ascending', 'descending']) {
        const head = header(title.replace(/[()]/g, '\\$&'));
        // The first click on Model was above.
        if (title !== 'Model' || direction === 'descending') await head.getByRole('button').click();
        expect(await head.getAttribute('aria-sort')).toBe(direction);
        const shown = await column(title);
        const given = shown.filter((text) => text !== '');
        if (numeric) expect(shown.slice(given.length).join('')).toBe('');
        const sign = direction === 'ascending' ? 1 : -1;
        for (const [i, text] of given.slice(1).entries()) {
          expect(
            sign * compare(numeric, given[i]!, text),
            `${title} ${direction}: ${given[i]}, ${text}`,
          ).toBeLessThan(Number.MIN_VALUE);
        }
      }
    }
    expect(await board().locator('th[aria-sort=ascending], th[aria-sort=descending]').count()).toBe(1);
  });

  it('filters by text, model, method and where numbers come from', async () => {
    await page.getByRole('checkbox').uncheck();
    expect(await rows().count()).toBe(ours.length);
    await page.getByLabel('Search').fill('olmoe C4');
    expect(await rows().count()).toBe(2);
    await page.getByLabel('Search').fill('');
    await select('Model').selectOption('org/Qwen3-30B-A3B');
    await select('Method').selectOption('conmoe');
    expect(await column('Experts removed')).toEqual(['25.0 %', '50.0 %']);
    expect(await page.locator('#memory .point').count()).toBe(2);
    await page.getByLabel('Search').fill('nowhere');
    expect(await rows().count()).toBe(0);
    expect(await page.getByText('Nothing fits the filters.').isVisible()).toBe(true);
    expect(await page.locator('figure:visible').count()).toBe(0);
  });

  it('draws what is shown against memory and speed, with the front', async () => {
    await page.getByRole('checkbox').uncheck();
    expect(await page.locator('#memory .point').count()).toBe(ours.length);
    const fast = ours.filter(({ throughput }) => throughput !== null);
    expect(await page.locator('#speed .point').count()).toBe(fast.length);
    for (const chart of ['#memory', '#speed']) {
      expect(await page.locator(`${chart} .front`).getAttribute('d')).toMatch(
        /^M[\d.]+,[\d.]+(H[\d.]+V[\d.]+)*$/,
      );
    }
    await select('Task').selectOption('wikitext (word_perplexity)');
    expect(await page.locator('#memory figcaption').textContent()).toMatch(/^Down and to the left/);
    expect(await page.locator('#speed figcaption').textContent()).toMatch(/^Down and to the right/);
  });

  it('finds the front whichever way is better', async () => {
    const fronts = await page.evaluate(`(async () => {
      const chart = 'chart';
      const { front } = await import(chart);
      const points = [[1, 1], [2, 3], [2, 2], [3, 2], [4, 4]].map(([x, y]) => ({ x, y }));
      return [[false, true], [true, true], [false, false], [true, false]].map(([largerX, largerY]) =>
        front(points, { largerX, largerY }).map(({ x, y }) => '' + x + y));
    })()`);
    expect(fronts).toEqual([['11', '23', '44'], ['44'], ['11'], ['44', '32', '11']]);
  });

  it('is used by keyboard alone', async () => {
    await page.getByLabel('Search').focus();
    await page.keyboard.type('random');
    for (let i = 0; i < 200; i++) {
      await page.keyboard.press('Tab');
      if (/^Memory/.test(await page.evaluate('document.activeElement.textContent'))) break;
    }
    await page.keyboard.press('Enter');
    expect(await header('Memory').getAttribute('aria-sort')).toBe('descending');
    // Whoever sorts stays where they are.
    await page.keyboard.press('Space');
    expect(await header('Memory').getAttribute('aria-sort')).toBe('ascending');
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).toBe('solid');
    // Points tell what they are.
    const point = page.locator('#memory .point').first();
    await point.focus();
    expect(await point.getAttribute('aria-label')).toMatch(
      /^\S+, random on wikitext:128x2048, [\d.]+ % of experts removed: 0\.\d+ ± 0\.\d+ at [\d.]+ GB$/,
    );
  });

  it('keeps tables of papers as they are', async () => {
    await page.locator('summary', { hasText: 'Of other models' }).click();
    const summary = page.locator('summary', { hasText: 'Less is MoE (He et al., 2026), Table 3' });
    await summary.click();
    const table = page.getByRole('region', { name: 'Less is MoE (He et al., 2026), Table 3' });
    expect(
      await table
        .getByRole('row', { name: /IntDim-G/ })
        .first()
        .textContent(),
    ).toBe('Qwen/Qwen1.5-MoE-A2.7BIntDim-G50.0 %0.4900.6130.6490.3420.2410.0980.2720.9220.2820.434');
  });

  it('fits a phone', async () => {
    await page.close();
    await open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
    const sideways = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    expect(sideways).toBe(0);
    // What a row is and its score are seen without scrolling.
    const edges = await board().evaluate((region) =>
      [...region.querySelectorAll('thead th')].slice(0, 4).map((th) => th.getBoundingClientRect().right),
    );
    expect(Math.max(...edges)).toBeLessThanOrEqual(360);
    // The table scrolls in its own place, and fingers hit what they aim at.
    expect(await board().evaluate((region) => region.scrollWidth > region.clientWidth)).toBe(true);
    for (const box of await page.locator('form input:not([type=checkbox]), form select').all()) {
      expect((await box.boundingBox())!.height).toBeGreaterThanOrEqual(36);
    }
  });

  it.each(['light', 'dark'] as const)('is readable in the %s scheme', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    const places = ['h1', '#summary', 'td a', 'tbody th', '.published td', 'summary', 'thead button'];
    const [ground, ...inks] = await page.evaluate<string[]>(
      `[getComputedStyle(document.body).backgroundColor,
        ...${JSON.stringify(places)}.map((place) => getComputedStyle(document.querySelector(place)).color)]`,
    );
    expect(luminance(ground!) < 0.2).toBe(colorScheme === 'dark');
    for (const [i, ink] of inks.entries()) expect(contrast(ink, ground!), places[i]!).toBeGreaterThan(4.5);
  });
});

/** Relative luminance and contrast of CSS colours (WCAG 2.2). */
function luminance(colour: string): number {
  const channels = colour.match(/[\d.]+/g)!.slice(0, 3);
  const [r, g, b] = channels.map((channel) => {
    const share = Number(channel) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(one: string, other: string): number {
  const [dark, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (bright! + 0.05) / (dark! + 0.05);
}

function compare(numeric: boolean, a: string, b: string): number {
  return numeric ? number(a) - number(b) : a.localeCompare(b);
}

/** `1.50 GB`, `2.00 MB`, `50.0 %`, `1,234`. */
function number(text: string): number {
  const value = Number.parseFloat(text.replaceAll(',', ''));
  return text.endsWith('GB') ? 1000 * value : value;
}
