import { element, gigabytes, percent, perSecond } from 'elements';
import { sourceLink } from 'papers';

export const methodOf = (row) => row.method ?? 'original';

const score = (value) => value.toFixed(3);

/** How far a row has moved from the original. */
const movements = [
  { title: 'KL', key: 'kl_mean', show: (value) => value.toFixed(4) },
  { title: 'KL p99', key: 'kl_p99', show: (value) => value.toFixed(4) },
  { title: 'Top-1', key: 'top1_agreement', show: percent },
  { title: 'Loops', key: 'loops', show: percent },
  { title: 'Other script', key: 'other_script', show: percent },
].map(({ key, ...column }) => ({ ...column, value: (row) => row.movement?.[key] ?? null }));

/** Whether there is anything to show in a column. */
const isUsed = (rows, value) => rows.some((row) => value(row) !== null);

/**
 * The columns in their order: what a row is and the scores first, `chosen` the first of them, so that they are seen without
 * scrolling; a column that says nothing, or the same of all, is left out.
 */
export function columnsOf(rows, views, chosen) {
  const speed = (row) => row.throughput?.tokensPerSecond ?? null;
  const calibrations = new Set(rows.map(({ calibration }) => calibration).filter(Boolean));
  return [
    { title: 'Model', value: (row) => row.model, cell: modelCell },
    { title: 'Method', value: methodOf, cell: methodCell, wraps: true },
    { title: 'Experts removed', value: (row) => row.removed.routed, show: percent },
    ...[chosen, ...views.filter((view) => view !== chosen)].map((view) => ({
      ...view,
      value: (row) => view.score(row)?.value ?? null,
      error: (row) => view.score(row)?.error ?? null,
      show: score,
    })),
    { title: 'Memory', value: (row) => row.bytes, show: gigabytes },
    ...(isUsed(rows, speed)
      ? [
          {
            title: 'Tokens/s',
            value: speed,
            error: (row) => row.throughput?.error ?? null,
            show: perSecond,
          },
        ]
      : []),
    ...movements.filter(({ value }) => isUsed(rows, value)),
    ...(calibrations.size > 1 ? [{ title: 'Calibration', value: (row) => row.calibration ?? '' }] : []),
    { title: 'Files', value: () => '', cell: filesCell, fixed: true },
  ];
}

/** The owner of a model is smaller than its name. */
function modelCell({ model }) {
  const at = model.lastIndexOf('/') + 1;
  return at === 0 ? [model] : [element('small', {}, model.slice(0, at)), element('wbr'), model.slice(at)];
}

function methodCell(row) {
  if (row.source) {
    return [methodOf(row), ' ', element('span', { class: 'badge', title: row.setting }, 'published')];
  }
  const seeds =
    row.seeds.length > 1 ? ` mean of ${row.seeds.length} seeds` : row.seeds[0] ? ` seed ${row.seeds[0]}` : '';
  return [methodOf(row), ...(seeds ? [element('small', {}, seeds)] : [])];
}

function filesCell({ files, source }) {
  if (source) return [sourceLink(source)];
  const link = (text, path) => element('a', { href: encodeURI(path) }, text);
  return files.flatMap(({ seed, plan, results, samples }) => [
    ...(files.length > 1 ? [element('small', {}, ` seed ${seed}: `)] : []),
    ...(plan ? [link('plan', plan)] : []),
    link('results', results),
    ...Object.entries(samples).map(([task, path]) => link(task, path)),
  ]);
}

export function sortRows(rows, columns, { title, descending }) {
  const { value } = columns.find((column) => column.title === title) ?? columns[0];
  const sign = descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    // What is missing goes last, whichever way.
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (typeof x === 'string' ? x.localeCompare(y) : x - y);
  });
}

export function drawHead(columns, order, onOrder) {
  return columns.map(({ title, show, fixed }, i) => {
    const attributes = { scope: 'col', class: show ? 'number' : '' };
    if (fixed) return element('th', { ...attributes, class: 'fixed' }, title);
    const isOrder = order.title === title;
    const arrow = order.descending ? ' ↓' : ' ↑';
    const button = element('button', { type: 'button' }, isOrder ? title + arrow : title);
    button.addEventListener('click', () => {
      onOrder({ title, descending: isOrder ? !order.descending : Boolean(show) }, i);
    });
    const direction = order.descending ? 'descending' : 'ascending';
    return element('th', { ...attributes, 'aria-sort': isOrder ? direction : 'none' }, button);
  });
}

/** `isBest(row, place)`: whether the score of that place among a row's is significantly the best of its group. */
export function drawRow(row, columns, isBest) {
  const cells = columns.map(({ value, show, cell, error, wraps, place }, i) => {
    const given = value(row);
    const content = cell ? cell(row) : [given === null ? '' : show ? show(given) : given];
    const uncertain = given === null ? null : (error?.(row) ?? null);
    if (uncertain !== null) content.push(element('small', {}, ` ± ${show(uncertain)}`));
    const best = place !== undefined && isBest(row, place);
    const attributes = {
      class: [show && 'number', wraps && 'wrapping', best && 'best'].filter(Boolean).join(' '),
    };
    return element(i === 0 ? 'th' : 'td', i === 0 ? { ...attributes, scope: 'row' } : attributes, ...content);
  });
  return element('tr', { class: row.source ? 'published' : '' }, ...cells);
}
