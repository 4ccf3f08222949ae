import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { metricsOf } from '../metric.js';
import { inventedCells } from './board.test.util.js';
import { findChromium } from './browser.test.util.js';
import { leaderboardPage } from './page.js';
import { publishedTables } from './published-tables.js';

const executablePath = findChromium();
const cells = inventedCells();

describe.runIf(executablePath)('the page in a browser', () => {
  let [folder, url] = ['', ''];
  let browser: Browser;
  let page: Page;
  let troubles: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'moepress-page-'));
    const html = await leaderboardPage('Board', cells, metricsOf(cells), await publishedTables());
    writeFileSync(join(folder, 'index.html'), html);
    url = pathToFileURL(join(folder, 'index.html')).href;
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  const open = async (options: Parameters<Browser['newPage']>[0] = {}) => {
    troubles = [];
    page = await browser.newPage(options);
    page.on('console', (message) => troubles.push(message.text()));
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('request', (request) => {
      if (/^https?:/.test(request.url())) troubles.push(request.url());
    });
    await page.goto(url);
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

  it('shows every row, and the best of ours in bold', async () => {
    const count = await rows().count();
    expect(count).toBeGreaterThan(cells.length + 33);
    expect(await page.locator('#summary').textContent()).toBe(
      `${count} of ${count} rows, ${cells.length} measured here`,
    );
    expect(await board().locator('tbody .best').allTextContents()).toEqual(
      expect.arrayContaining(['0.750', expect.stringMatching(/^0\.800/), expect.stringMatching(/^8\.000/)]),
    );
    expect(await page.locator('.note').first().textContent()).toContain('on this machine: abacus, 2 threads');
  });

  it('sorts by each column, both ways, what is missing last', async () => {
    const titles = (await board().locator('thead button').allTextContents()).map((text) =>
      text.replace(/ [↑↓]$/, ''),
    );
    expect(titles).toEqual([
      ...['Model', 'Method', 'Calibration', 'Experts removed', 'Memory', 'Tokens/s', 'Average'],
      ...['arc_easy (acc_norm)', 'winogrande (acc)', 'wikitext (word_perplexity)'],
      ...['KL', 'KL p99', 'Top-1', 'Loops', 'Other script'],
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
    expect(await rows().count()).toBe(cells.length);
    await page.getByLabel('Search').fill('SMALL c4');
    expect(await rows().count()).toBe(2);
    await page.getByLabel('Search').fill('');
    await select('Model').selectOption('org/large');
    await select('Method').selectOption('conmoe');
    expect(await column('Experts removed')).toEqual(['25.0 %', '50.0 %']);
    expect(await page.locator('#memory circle').count()).toBe(2);
    await page.getByLabel('Search').fill('nowhere');
    expect(await rows().count()).toBe(0);
    expect(await page.getByText('Nothing fits the filters.').isVisible()).toBe(true);
    expect(await page.locator('figure:visible').count()).toBe(0);
  });

  it('draws what is shown against memory and speed, with the front', async () => {
    await page.getByRole('checkbox').uncheck();
    const average = inventedCells().filter(({ scores }) => scores.winogrande);
    expect(await page.locator('#memory circle').count()).toBe(average.length);
    const fast = average.filter(({ throughput }) => throughput !== null);
    expect(await page.locator('#speed circle').count()).toBe(fast.length);
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
    const point = page.locator('#memory circle').first();
    await point.focus();
    expect(await point.getAttribute('aria-label')).toMatch(/^\S+, random: 0\.\d+ at [\d.]+ GB$/);
  });

  it('keeps tables of papers as they are', async () => {
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
