/** A Markdown table; texts are escaped where they would end a cell or be read as HTML or a template. */
export function markdownTable(titles, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A text that stands in a cell or a paragraph as it is. */
export const plain = (text) =>
  String(text)
    .replace(/\s+/g, ' ')
    .replace(/[\\|<>{}*_[\]`]/g, (character) => `&#${character.codePointAt(0)};`);

/** Code in a cell. */
export const code = (text) => `\`${String(text).replace(/\s+/g, ' ').replaceAll('|', '\\|')}\``;
