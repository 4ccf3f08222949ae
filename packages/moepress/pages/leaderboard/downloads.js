/** What each row says, by the names of its columns: the same in both formats. */
function recordOf(row, metrics) {
  const scored = metrics.map((metric, i) => [`${metric.task} ${metric.key}`, row.scores[i]]);
  return {
    model: row.model,
    revision: row.revision ?? null,
    method: row.method ?? 'original',
    ratio: row.ratio,
    calibration: row.calibration,
    seeds: row.seeds.join(' '),
    source: row.source ? `${row.source.title}, ${row.source.table}` : null,
    removed_routed: row.removed.routed,
    removed_whole: row.removed.whole,
    parameters: row.parameters,
    bytes: row.bytes,
    tokens_per_second: row.throughput?.tokensPerSecond ?? null,
    tokens_per_second_error: row.throughput?.error ?? null,
    machine: row.throughput?.machine ?? null,
    average: row.average?.value ?? null,
    average_error: row.average?.error ?? null,
    ...Object.fromEntries(
      scored.flatMap(([name, score]) => [
        [name, score?.value ?? null],
        [`${name} error`, score?.error ?? null],
      ]),
    ),
    ...row.movement,
  };
}

/** A field of CSV; what a table program would take for a formula is made a text. */
function field(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCsv(rows, metrics) {
  const records = rows.map((row) => recordOf(row, metrics));
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const lines = records.map((record) => names.map((name) => field(record[name])).join(','));
  return `${[names.map(field).join(','), ...lines].join('\r\n')}\r\n`;
}

export function toJson(rows, { metrics, title, origin }) {
  const records = rows.map((row) => recordOf(row, metrics));
  return `${JSON.stringify({ title, ...origin, rows: records }, null, 2)}\n`;
}

/** Gives a text to the reader as a file. */
export function save(name, type, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
