/**
 * Opens pages of the built site, or HTML files, in a headless Chromium: light and dark, 1280 and 390 pixels wide. Prints what axe-core
 * finds and what is wider than the screen, and saves a picture of each. Ends with 1 after a serious finding.
 *
 *     npm run docs && node scripts/look-at-docs.mjs <folder for pictures> [page or file.html ...]
 */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const site = join(root, 'docs/.vitepress/dist');
const { chromium } = createRequire(join(root, 'packages/moepress/package.json'))('playwright-core');
const axe = readFileSync(join(root, 'docs/node_modules/axe-core/axe.min.js'), 'utf8');
const names = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`);
const [folder = '.', ...given] = process.argv.slice(2);
const pages =
  given.length > 0
    ? given
    : ['index', 'guides/make-a-model-fit', 'concepts/operations', 'reference/commands'];

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const server = createServer((request, response) => {
  const path = join(site, decodeURIComponent(new URL(request.url, 'http://x').pathname));
  const isThere = path.startsWith(site) && existsSync(path) && statSync(path).isFile();
  response.writeHead(isThere ? 200 : 404, { 'content-type': types[extname(path)] ?? 'text/plain' });
  response.end(isThere ? readFileSync(path) : '');
}).listen(0, '127.0.0.1');
await new Promise((ready) => server.once('listening', ready));

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: names.find(existsSync), args: ['--no-sandbox'] });
let serious = 0;
for (const page of pages) {
  const url = page.endsWith('.html')
    ? `file://${resolve(page)}`
    : `http://127.0.0.1:${server.address().port}/${page}.html`;
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 390]) serious += await look(page, url, { colorScheme, width });
  }
}
await browser.close();
server.close();
process.exitCode = serious > 0 ? 1 : 0;

async function look(name, url, { colorScheme, width }) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height: 844 } });
  await page.goto(url, { waitUntil: 'load' });
  await page.waitForTimeout(300);
  const file = `${name.replace(/\W+/g, '-')}-${colorScheme}-${width}.png`;
  await page.screenshot({ path: join(folder, file) });
  await page.evaluate(axe);
  const { violations } = await page.evaluate('axe.run()');
  const wider = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  if (wider > 0) console.log(`${file}: ${wider} pixels wider than the screen`);
  for (const { impact, id, nodes } of violations) {
    console.log(`${file}: ${impact} ${id}, ${nodes.length} times: ${nodes[0].html.slice(0, 160)}`);
  }
  await page.close();
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').length;
}
