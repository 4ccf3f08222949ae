import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { commandLines, guides } from './try-guides/command-lines.mjs';
import { knownLines } from './try-guides/known-lines.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

it.each(guides)('scripts/try-guides.mjs knows the commands of %s', (page) => {
  expect(Object.keys(knownLines[page]!).sort()).toEqual(commandLines(root, page).sort());
});
