export interface Column {
  readonly title: string;
  /** Numbers read best flush right. Default: left. */
  readonly align?: 'left' | 'right';
}

/** A text table: a line of titles, a rule, one line a row; columns as wide as their widest cell. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(width(title), ...rows.map((row) => width(row[i] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, i) => {
        const cell = cells[i] ?? '';
        const padding = ' '.repeat(widths[i]! - width(cell));
        return align === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((size) => '-'.repeat(size)).join('  ');
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line)].join('\n');
}

/** Code points, so that a ± counts once however it is encoded. */
const width = (text: string) => [...text].length;
