import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The pages that tell a contributor what to type. */
export const guides = ['CONTRIBUTING.md', 'docs/plugins.md', 'docs/architectures.md'];

/**
 * Every command of a page in its order: the lines of `sh` blocks without their comments, and what stands in backticks, also in
 * comments. A line that is shown twice is given once.
 */
export function commandLines(root, page) {
  const text = readFileSync(join(root, page), 'utf8');
  const found = [];
  const rest = text.replace(/^```(\w*)\n([\s\S]*?)^```/gm, (_, language, code) => {
    const place = found.push([]) - 1;
    if (language === 'sh') found[place] = code.split('\n').flatMap(commandsIn);
    return `\n§${place}§\n`;
  });
  const ordered = [...rest.matchAll(/§(\d+)§|`((?:npm|npx|node|moepress) [^`\n]+)`/g)].flatMap(
    ([, place, command]) => (place === undefined ? [command] : found[place]),
  );
  return [...new Set(ordered)];
}

/** The command of a line, and those that its comment tells of: `# ...: npm run x`. */
function commandsIn(line) {
  const [command, comment = ''] = line.split(/\s+#\s/);
  const told = /: ((?:npm|npx) [^;]+)$/.exec(comment.trim())?.[1];
  return [command.trim(), told ?? ''].filter((one) => one !== '');
}

/** Files that a page shows: each is named, in backticks, in the paragraph before its code. */
export function shownFiles(root, page) {
  const text = readFileSync(join(root, page), 'utf8');
  const files = text.matchAll(/`([\w.]+\.js(?:on)?)`(?:[^\n]|\n(?!\n))*\n\n```js(?:on)?\n([\s\S]*?)```/g);
  return Object.fromEntries([...files].map(([, file, content]) => [file, content]));
}

/** The blocks of code of a language. */
export function blocksOf(root, page, language) {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm);
  return [...blocks].filter(([, of]) => of === language).map(([, , code]) => code);
}
