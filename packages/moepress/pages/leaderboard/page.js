import { chart } from 'chart';
import { element, gigabytes, percent, perSecond, roundGigabytes } from 'elements';

const { metrics, rows, tables } = JSON.parse(document.querySelector('#data').textContent);
const byId = (id) => document.getElementById(id);
const [search, model, method, metric, published] = ['search', 'model', 'method', 'metric', 'published'].map(
  byId,
);

/** Set apart by hue and, in the chart, by labels on focus; readable on light and dark ground. */
const hues = [
  ...['#3b7ddd', '#d9822b', '#2e9e6b', '#c2459a', '#8a6fd1', '#b8a02a', '#3aa6b9', '#c9504c'],
  ...['#7f8794', '#6c9a1f', '#a8653c', '#e07a9b'],
];

const methodOf = (row) => row.method ?? 'original';
const methods = [...new Set(rows.map(methodOf))];
/** Papers write our "reap" as "REAP"; it has one colour. */
const kindOf = (name) => name.toLowerCase();
const rowsOf = (kind) => rows.filter((row) => kindOf(methodOf(row)) === kind);
/** Ours first, then those that papers give most often: where hues do not suffice, the rarest share them. */
const kinds = [...new Set(methods.map(kindOf))].toSorted(
  (a, b) =>
    rowsOf(b).some((row) => !row.source) - rowsOf(a).some((row) => !row.source) ||
    rowsOf(b).length - rowsOf(a).length,
);
const colourOf = (name) => hues[kinds.indexOf(kindOf(name)) % hues.length];

const speedOf = (row) => row.throughput?.tokensPerSecond ?? null;
const machines = [...new Set(rows.flatMap(({ throughput }) => throughput?.machine ?? []))];
const scoreOf = (row, { task, key }) => row.scores[task]?.[key] ?? null;
const stderrOf = (row, { task, key }) => row.scores[task]?.[key.replace(',', '_stderr,')] ?? null;

/** What the chart and its column show: the average, or one task. */
const overall = { title: 'Average', higherIsBetter: true, value: (row) => row.average };
const views = [
  overall,
  ...metrics.map((one) => ({
    title: `${one.task} (${one.name})`,
    higherIsBetter: one.higherIsBetter,
    value: (row) => scoreOf(row, one),
    stderr: (row) => stderrOf(row, one),
  })),
];

/** How far a row has moved from the original; nothing where no row was compared with one. */
const movements = [
  { title: 'KL', key: 'kl_mean', show: (value) => value.toFixed(4) },
  { title: 'KL p99', key: 'kl_p99', show: (value) => value.toFixed(4) },
  { title: 'Top-1', key: 'top1_agreement', show: percent },
  { title: 'Loops', key: 'loops', show: percent },
  { title: 'Other script', key: 'other_script', show: percent },
]
  .map(({ key, ...column }) => ({ ...column, value: (row) => row.movement?.[key] ?? null }))
  .filter(({ value }) => rows.some((row) => value(row) !== null));

const columns = [
  { title: 'Model', value: (row) => row.model },
  { title: 'Method', value: methodOf, cell: methodCell, wraps: true },
  { title: 'Calibration', value: (row) => row.calibration ?? '' },
  { title: 'Experts removed', value: (row) => row.removed.routed, show: percent },
  { title: 'Memory', value: (row) => row.bytes, show: gigabytes },
  ...(machines.length > 0 ? [{ title: 'Tokens/s', value: speedOf, show: perSecond }] : []),
  ...views.map((view) => ({ ...view, show: (value) => value.toFixed(3), score: true })),
  ...movements,
  { title: 'Files', value: () => '', cell: filesCell, fixed: true },
];

let order = { title: 'Average', descending: true };

function methodCell(row) {
  if (!row.source) return [methodOf(row), ...(row.seed ? [element('small', {}, ` seed ${row.seed}`)] : [])];
  const badge = element('span', { class: 'badge', title: row.setting }, 'published');
  return [methodOf(row), badge, ' ', sourceLink(row.source)];
}

const sourceLink = ({ title, table, url }) => element('a', { href: url }, `${title}, ${table}`);

function filesCell(row) {
  if (row.source) return [];
  const link = (text, path) => element('a', { href: encodeURI(path) }, text);
  return [
    ...(row.plan ? [link('plan', row.plan)] : []),
    link('results', row.results),
    ...Object.entries(row.samples).map(([task, path]) => link(task, path)),
  ];
}

function shownRows() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (row.source && !published.checked) return false;
    if (model.value && row.model !== model.value) return false;
    if (method.value && methodOf(row) !== method.value) return false;
    const text = [row.model, methodOf(row), row.calibration].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function sorted(shown) {
  const { value } = columns.find(({ title }) => title === order.title);
  const sign = order.descending ? -1 : 1;
  return shown.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    // What is missing goes last, whichever way.
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (typeof x === 'string' ? x.localeCompare(y) : x - y);
  });
}

function drawHead() {
  const cells = columns.map(({ title, show, fixed }, i) => {
    const attributes = { scope: 'col', class: show ? 'number' : '' };
    if (fixed) return element('th', { ...attributes, class: 'fixed' }, title);
    const isOrder = order.title === title;
    const arrow = order.descending ? ' ↓' : ' ↑';
    const button = element('button', { type: 'button' }, isOrder ? title + arrow : title);
    button.addEventListener('click', () => {
      order = { title, descending: isOrder ? !order.descending : Boolean(show) };
      draw();
      document.querySelectorAll('thead th')[i].firstChild.focus();
    });
    const direction = order.descending ? 'descending' : 'ascending';
    return element('th', { ...attributes, 'aria-sort': isOrder ? direction : 'none' }, button);
  });
  document.querySelector('thead').replaceChildren(element('tr', {}, ...cells));
}

function drawBody(shown) {
  const best = new Map(
    columns
      .filter(({ score }) => score)
      .map(({ title, value, higherIsBetter }) => {
        const values = shown
          .filter((row) => !row.source)
          .map(value)
          .filter((one) => one !== null);
        return [title, higherIsBetter ? Math.max(...values) : Math.min(...values)];
      }),
  );
  const lines = sorted(shown).map((row) => {
    const cells = columns.map(({ title, value, show, cell, stderr, wraps }, i) => {
      const given = value(row);
      const content = cell ? cell(row) : [given === null ? '' : show ? show(given) : given];
      const error = stderr?.(row) ?? null;
      if (error !== null) content.push(element('small', {}, ` ± ${error.toFixed(3)}`));
      const isBest = given !== null && given === best.get(title) && !row.source;
      const classes = [show && 'number', wraps && 'wrapping', isBest && 'best'];
      const attributes = { class: classes.filter(Boolean).join(' ') };
      return element(
        i === 0 ? 'th' : 'td',
        i === 0 ? { ...attributes, scope: 'row' } : attributes,
        ...content,
      );
    });
    return element('tr', { class: row.source ? 'published' : '' }, ...cells);
  });
  document.querySelector('tbody').replaceChildren(...lines);
}

/** The charts, by what a row costs. */
const costs = [
  {
    place: 'memory',
    x: { title: 'Memory', show: gigabytes, mark: roundGigabytes, larger: false },
    value: (row) => row.bytes,
  },
  {
    place: 'speed',
    x: { title: 'Tokens/s', show: perSecond, mark: perSecond, larger: true },
    value: speedOf,
  },
];

function drawCharts(shown) {
  const view = views[metric.value];
  const size = window.innerWidth < 600 ? [400, 300] : [560, 340];
  const seen = new Map();
  for (const { place, x, value } of costs) {
    const points = shown
      .filter((row) => view.value(row) !== null && value(row) !== null)
      .map((row) => pointOf(row, value(row), view.value(row), x));
    byId(place).hidden = points.length === 0;
    if (points.length === 0) continue;
    const y = { title: view.title, larger: view.higherIsBetter };
    byId(place)
      .querySelector('div')
      .replaceChildren(chart(points, { x, y }, size));
    byId(place).querySelector('.better').textContent = view.higherIsBetter ? 'Up' : 'Down';
    for (const { method: name } of points) if (!seen.has(kindOf(name))) seen.set(kindOf(name), name);
  }
  const entries = [...seen.values()].map((name) =>
    element('li', {}, element('i', { style: `--colour: ${colourOf(name)}` }), name),
  );
  byId('legend').replaceChildren(...entries);
}

function pointOf(row, x, y, { title, show }) {
  const name = methodOf(row);
  const on = row.calibration ? ` on ${row.calibration}` : '';
  const unit = title === 'Memory' ? '' : ` ${title.toLowerCase()}`;
  const label = `${row.model}, ${name}${on}${row.source ? ', published' : ''}: ${y.toFixed(3)} at ${show(x)}${unit}`;
  return { x, y, label, method: name, colour: colourOf(name), hollow: Boolean(row.source) };
}

/** Tables of papers with their own columns, which may be none of ours. */
function drawTables() {
  byId('papers').hidden = tables.length === 0;
  byId('papers').append(...tables.map(publishedTable));
}

function publishedTable({ source, setting, columns: own, models }) {
  const number = (value) => (value === null ? '' : value > 1 ? value.toFixed(2) : value.toFixed(3));
  const head = ['Model', 'Method', 'Experts removed', ...own.map(({ name }) => name)].map((name, i) =>
    element('th', { scope: 'col', class: i < 2 ? 'fixed' : 'fixed number' }, name),
  );
  const lines = models.flatMap(({ model: name, rows: given }) =>
    given.map((row) =>
      element(
        'tr',
        {},
        element('th', { scope: 'row' }, name),
        element('td', {}, methodOf(row)),
        element('td', { class: 'number' }, row.ratio === null ? '' : percent(row.ratio)),
        ...row.scores.map((score) => element('td', { class: 'number' }, number(score))),
      ),
    ),
  );
  const table = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...lines),
  );
  const label = `${source.title}, ${source.table}`;
  return element(
    'details',
    {},
    element('summary', {}, label),
    element('p', { class: 'note' }, sourceLink(source), `: ${setting}.`),
    element('div', { class: 'scroll', role: 'region', 'aria-label': label, tabindex: 0 }, table),
  );
}

function draw() {
  const shown = shownRows();
  const ours = rows.filter((row) => !row.source).length;
  byId('summary').textContent = `${shown.length} of ${rows.length} rows, ${ours} measured here`;
  byId('empty').hidden = shown.length > 0;
  drawHead();
  drawBody(shown);
  drawCharts(shown);
}

function fill(select, entries) {
  select.append(...entries.map(([value, text]) => element('option', { value }, text)));
}

const models = [...new Set(rows.map((row) => row.model))];
fill(model, [['', 'all'], ...models.map((name) => [name, name])]);
fill(method, [['', 'all'], ...methods.map((name) => [name, name])]);
fill(
  metric,
  views.map(({ title }, i) => [i, title]),
);
byId('published-label').hidden = !rows.some((row) => row.source);
byId('filters').addEventListener('input', draw);
byId('filters').addEventListener('submit', (event) => event.preventDefault());
window.addEventListener('resize', () => drawCharts(shownRows()));
byId('machines').textContent =
  machines.length === 0
    ? ''
    : ` Tokens/s were measured while scoring, on this machine: ${machines.join('; ')}.`;
byId('movement').hidden = movements.length === 0;
drawTables();
draw();
