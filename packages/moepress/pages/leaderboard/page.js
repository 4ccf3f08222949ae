import { readAddress, writeAddress } from 'address';
import { chart } from 'chart';
import { save, toCsv, toJson } from 'downloads';
import { drawn, element, gigabytes, percent, perSecond, roundGigabytes } from 'elements';
import { lookOf, mark } from 'marks';
import { drawPapers } from 'papers';
import { columnsOf, drawHead, drawRow, methodOf, sortRows } from 'table';

const data = JSON.parse(document.querySelector('#data').textContent);
const { metrics, rows, origin } = data;
const byId = (id) => document.getElementById(id);
const controls = ['search', 'model', 'method', 'task', 'published'].map(byId);
const [search, model, method, task, published] = controls;

const methods = [...new Set(rows.map(methodOf))];
/** Papers write our "reap" as "REAP"; it has one look. */
const kindOf = (name) => name.toLowerCase();
const rowsOf = (kind) => rows.filter((row) => kindOf(methodOf(row)) === kind);
/** Ours first, then those that papers give most often. */
const kinds = [...new Set(methods.map(kindOf))].toSorted(
  (a, b) =>
    rowsOf(b).some((row) => !row.source) - rowsOf(a).some((row) => !row.source) ||
    rowsOf(b).length - rowsOf(a).length,
);
const lookOfMethod = (name) => lookOf(kinds.indexOf(kindOf(name)));

/** What the charts and a column show: the average, or one task. `place`: where a row keeps what it is better than. */
const views = [
  { title: 'Average', higherIsBetter: true, place: 0, score: (row) => row.average },
  ...metrics.map((one, i) => ({
    title: `${one.task} (${one.name})`,
    higherIsBetter: one.higherIsBetter,
    place: i + 1,
    score: (row) => row.scores[i],
  })),
].filter(({ score }) => rows.some((row) => score(row) !== null));

const viewOf = (title) => views.find((view) => view.title === title) ?? views[0];

const initial = {
  ...{ search: '', model: '', method: '', task: views[0].title, papers: 'yes' },
  ...{ sort: views[0].title, order: 'descending' },
};
let order = { title: initial.sort, descending: true };

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

/** Compressed models of one base that have lost as much, of those that are shown. */
function isBestOf(shown) {
  const groupOf = (row) => [row.model, row.revision, row.ratio.toFixed(3)].join('\n');
  const ours = shown.filter((row) => !row.source && row.method !== null);
  return (row, place) => {
    if (!ours.includes(row)) return false;
    const others = ours.filter((other) => other !== row && groupOf(other) === groupOf(row));
    const better = row.better[place] ?? [];
    return others.length > 0 && others.every((other) => better.includes(rows.indexOf(other)));
  };
}

function drawTable(shown) {
  const columns = columnsOf(rows, views, viewOf(task.value));
  const head = drawHead(columns, order, (next, i) => {
    order = next;
    draw();
    document.querySelectorAll('#board thead th')[i].firstChild.focus();
  });
  document.querySelector('#board thead').replaceChildren(element('tr', {}, ...head));
  const isBest = isBestOf(shown);
  const lines = sortRows(shown, columns, order).map((row) => drawRow(row, columns, isBest));
  document.querySelector('#board tbody').replaceChildren(...lines);
}

/** The charts, by what a row costs. */
const costs = [
  {
    place: 'memory',
    x: { title: 'Memory', show: gigabytes, mark: roundGigabytes, larger: false },
    value: (row) => row.bytes,
    error: () => null,
  },
  {
    place: 'speed',
    x: { title: 'Tokens/s', show: perSecond, mark: perSecond, larger: true },
    value: (row) => row.throughput?.tokensPerSecond ?? null,
    error: (row) => row.throughput?.error ?? null,
  },
];

function drawCharts(shown) {
  const view = viewOf(task.value);
  const size = window.innerWidth < 600 ? [380, 320] : [560, 360];
  const seen = new Map();
  for (const { place, x, value, error } of costs) {
    const points = shown
      .filter((row) => view.score(row) !== null && value(row) !== null)
      .map((row) => ({ ...pointOf(row, view.score(row), value(row), x), errorX: error(row) }));
    const figure = byId(place);
    figure.hidden = points.length === 0;
    if (points.length === 0) continue;
    // Speeds that were timed once may be another time's: no line through them.
    const plain = place === 'speed' && points.some(({ errorX }) => errorX === null);
    const axes = { x, y: { title: view.title, larger: view.higherIsBetter }, plain };
    const detail = figure.querySelector('.detail');
    const show = (found) => detail.replaceChildren(...found.map(({ label }) => element('span', {}, label)));
    figure.querySelector('div').replaceChildren(chart(points, axes, size, show));
    show([{ label: 'Point at, touch or focus a mark to read it.' }]);
    figure.querySelector('.better').textContent = view.higherIsBetter ? 'Up' : 'Down';
    figure.querySelector('.front-note').hidden = plain;
    for (const { name } of points) if (!seen.has(kindOf(name))) seen.set(kindOf(name), name);
  }
  byId('legend').replaceChildren(...[...seen.values()].map(legendEntry));
}

function legendEntry(name) {
  const picture = drawn(
    'svg',
    { viewBox: '-9 -9 18 18', 'aria-hidden': 'true' },
    mark(lookOfMethod(name), { x: 0, y: 0 }),
  );
  return element('li', {}, picture, name);
}

function pointOf(row, { value, error }, x, { title, show }) {
  const name = methodOf(row);
  const on = row.calibration ? ` on ${row.calibration}` : '';
  const unit = title === 'Memory' ? '' : ` ${title.toLowerCase()}`;
  const removed = row.method === null ? '' : `, ${percent(row.removed.routed)} of experts removed`;
  const uncertain = error === null ? '' : ` ± ${error.toFixed(3)}`;
  const label = `${row.model}, ${name}${on}${row.source ? ', published' : ''}${removed}: ${value.toFixed(3)}${uncertain} at ${show(x)}${unit}`;
  const text = row.method === null ? '' : `${Math.round(100 * row.removed.routed)} %`;
  return {
    ...{ x, y: value, errorY: error, look: lookOfMethod(name), hollow: Boolean(row.source), name },
    ...{ label, text },
  };
}

function draw() {
  const shown = shownRows();
  const ours = rows.filter((row) => !row.source).length;
  byId('summary').textContent = `${shown.length} of ${rows.length} rows, ${ours} measured here`;
  byId('empty').hidden = shown.length > 0;
  drawTable(shown);
  drawCharts(shown);
  writeAddress(stateNow(), initial);
}

const stateNow = () => ({
  ...{ search: search.value, model: model.value, method: method.value, task: task.value },
  ...{ papers: published.checked ? 'yes' : 'no', sort: order.title },
  order: order.descending ? 'descending' : 'ascending',
});

/** Takes over what an address says; what it does not know is as at the beginning. */
function takeAddress() {
  const state = { ...initial, ...readAddress() };
  const known = (select, value) => [...select.options].some((option) => option.value === value);
  search.value = state.search;
  model.value = known(model, state.model) ? state.model : '';
  method.value = known(method, state.method) ? state.method : '';
  task.value = known(task, state.task) ? state.task : initial.task;
  published.checked = state.papers !== 'no';
  const columns = columnsOf(rows, views, views[0]);
  const isColumn = columns.some(({ title, fixed }) => title === state.sort && !fixed);
  order = { title: isColumn ? state.sort : initial.sort, descending: state.order !== 'ascending' };
}

function fill(select, entries) {
  select.append(...entries.map(([value, text]) => element('option', { value }, text)));
}

function describe() {
  const used = (value) => [...new Set(rows.flatMap((row) => (row.source ? [] : (value(row) ?? []))))];
  const machines = used((row) => row.throughput?.machine);
  byId('machines').hidden = machines.length === 0;
  byId('machines').querySelector('b').textContent = machines.join('; ');
  const texts = used((row) => row.calibration);
  byId('calibration').hidden = texts.length !== 1;
  byId('calibration').querySelector('b').textContent = texts[0] ?? '';
  byId('movement').hidden = !rows.some((row) => row.movement);
  byId('seeds').hidden = !rows.some((row) => row.seeds.length > 1);
  const date = origin.date === null ? '' : ` on ${origin.date.replace('T', ' ').replace('Z', ' UTC')}`;
  byId('origin').textContent = `Made by moepress ${origin.version}${date}.`;
  byId('recipe').textContent = origin.recipe;
  byId('hollow').hidden = !rows.some((row) => row.source);
  byId('published-label').hidden = !rows.some((row) => row.source);
}

const models = [...new Set(rows.map((row) => row.model))];
fill(model, [['', 'all'], ...models.map((name) => [name, name])]);
fill(method, [['', 'all'], ...methods.map((name) => [name, name])]);
fill(
  task,
  views.map(({ title }) => [title, title]),
);
byId('filters').addEventListener('input', draw);
byId('filters').addEventListener('submit', (event) => event.preventDefault());
byId('csv').addEventListener('click', () => save('leaderboard.csv', 'text/csv', toCsv(shownRows(), metrics)));
byId('json').addEventListener('click', () =>
  save('leaderboard.json', 'application/json', toJson(shownRows(), data)),
);
window.addEventListener('resize', () => drawCharts(shownRows()));
window.addEventListener('hashchange', () => {
  takeAddress();
  draw();
});
describe();
drawPapers(byId('papers'), data);
takeAddress();
draw();
