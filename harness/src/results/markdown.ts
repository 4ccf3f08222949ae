/** A cell: numbers are aligned to the right and share their column's decimals. */
export type Cell = string | number;

/** Rounded to four decimals, as results are printed. */
const decimals = 4;

/**
 * A Markdown table as pytablewriter lays it out: a column of numbers is aligned right, any text in it
 * makes it left; all numbers of a column have as many decimals as the longest of them needs, up to four.
 */
export function markdownTable(headers: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const columns = headers.map((header, i) =>
    layOut(
      header,
      rows.map((row) => row[i]!),
    ),
  );
  const line = (cells: string[]) => `|${cells.join('|')}|`;
  return [
    line(columns.map(({ header }) => header)),
    line(columns.map(({ rule }) => rule)),
    ...rows.map((_, i) => line(columns.map(({ cells }) => cells[i]!))),
  ]
    .map((text) => `${text}\n`)
    .join('');
}

function layOut(header: string, cells: readonly Cell[]) {
  const needed = Math.max(0, ...cells.map((cell) => (typeof cell === 'number' ? decimalsOf(cell) : 0)));
  const texts = cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(needed) : cell));
  const numeric =
    cells.some((cell) => typeof cell === 'number') &&
    cells.every((cell) => typeof cell === 'number' || cell === '');
  const width = Math.max(3, header.length, ...texts.map((text) => text.length));
  return {
    header: centre(header, width),
    rule: numeric ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
    cells: texts.map((text) => (numeric ? text.padStart(width) : text.padEnd(width))),
  };
}

function decimalsOf(value: number): number {
  const digits = value.toFixed(decimals).replace(/0+$/, '');
  return digits.length - digits.indexOf('.') - 1;
}

function centre(text: string, width: number): string {
  return text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
}
