import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { architectures, findArchitecture } from './index.js';
import { fixedTable, keyTable, rotationTable } from './keys-table.test.util.js';
import { neededBy, needs, needsTable } from './needs.test.util.js';
import { familyTable } from './table.test.util.js';

const document = fileURLToPath(new URL('../../../../docs/architectures.md', import.meta.url));
const source = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');

/** The text with what lies between the two marks of a name replaced. */
function replace(text: string, name: string, by: string): string {
  const marks = new RegExp(`(<!-- ${name} -->\n)[^]*(<!-- end of ${name} -->)`);
  expect(text).toMatch(marks);
  return text.replace(marks, (_, begin: string, end: string) => `${begin}\n${by}\n\n${end}`);
}

// Rewritten by: npx vitest run packages/checkpoint/src/architectures --update
test('docs/architectures.md shows the manifests as they are', async () => {
  const example = `\`\`\`ts\n${source('./mixtral.ts').trim()}\n\`\`\``;
  const shown = Object.entries({
    families: familyTable(architectures),
    needs: needsTable(architectures),
    keys: keyTable(architectures),
    rotations: rotationTable(),
    fixed: fixedTable(architectures),
    example,
  }).reduce((text, [name, by]) => replace(text, name, by), readFileSync(document, 'utf8'));
  await expect(shown).toMatchFileSnapshot(document);
});

test.each(needs)('$name is computed in $code', ({ code }) => {
  expect(existsSync(fileURLToPath(new URL(`../../../runtime/src/${code}`, import.meta.url)))).toBe(true);
});

test('some families need nothing beside their manifests', () => {
  const bare = architectures.filter((manifest) => neededBy(manifest) === 'nothing');
  expect(bare.map(({ modelType }) => modelType)).toEqual(
    expect.arrayContaining(['llama', 'mixtral', 'qwen2_moe']),
  );
});

const withSibling = architectures.filter(({ elsewhere }) => elsewhere?.denseSibling !== undefined);

test.each(withSibling)(
  'the dense sibling of $modelType is a dense family with its kind of attention',
  (family) => {
    const sibling = findArchitecture(family.elsewhere!.denseSibling!, family.modelType);
    expect(sibling.router).toBeNull();
    expect(sibling.attention.kind).toBe(family.attention.kind);
  },
);
