const { metrics, rows } = JSON.parse(document.querySelector('#data').textContent);
const byId = (id) => document.getElementById(id);
const [search, model, method, metric, published] = ['search', 'model', 'method', 'metric', 'published'].map(
  byId,
);

/** Set apart by hue and, in the chart, by labels on focus; readable on light and dark ground. */
const hues = ['#3b7ddd', '#d9822b', '#2e9e6b', '#c2459a', '#8a6fd1', '#b8a02a', '#3aa6b9', '#c9504c'];

const methodOf = (row) => row.method ?? 'original';
const methods = [...new Set(rows.map(methodOf))];
const colours = new Map(methods.map((name, i) => [name, hues[i % hues.length]]));
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const gigabytes = (bytes) =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(2)} MB`;

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

const columns = [
  { title: 'Model', value: (row) => row.model },
  { title: 'Method', value: methodOf, cell: methodCell },
  { title: 'Calibration', value: (row) => row.calibration ?? '' },
  { title: 'Experts removed', value: (row) => row.removed.routed, show: percent },
  { title: 'Memory', value: (row) => row.bytes, show: gigabytes },
  ...views.map((view) => ({ ...view, show: (value) => value.toFixed(3), score: true })),
  { title: 'Files', value: () => '', cell: filesCell, fixed: true },
];

let order = { title: 'Average', descending: true };

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function methodCell(row) {
  if (!row.source) return [methodOf(row), ...(row.seed ? [element('small', {}, ` seed ${row.seed}`)] : [])];
  const { title, table, url } = row.source;
  const badge = element('span', { class: 'badge' }, 'published');
  return [methodOf(row), badge, ' ', element('a', { href: url }, `${title}, ${table}`)];
}

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
    const cells = columns.map(({ title, value, show, cell, stderr }, i) => {
      const given = value(row);
      const content = cell ? cell(row) : [given === null ? '' : show ? show(given) : given];
      const error = stderr?.(row) ?? null;
      if (error !== null) content.push(element('small', {}, ` ± ${error.toFixed(3)}`));
      const kinds = [show && 'number', given !== null && given === best.get(title) && !row.source && 'best'];
      const attributes = { class: kinds.filter(Boolean).join(' ') };
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

function drawn(name, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Rows that no other of at most their size is better than, from small to large. */
function front(points, higherIsBetter) {
  let best = higherIsBetter ? -Infinity : Infinity;
  return points
    .toSorted((a, b) => a.x - b.x || (higherIsBetter ? b.y - a.y : a.y - b.y))
    .filter(({ y }) => {
      if (higherIsBetter ? y <= best : y >= best) return false;
      best = y;
      return true;
    });
}

/** Round steps that divide a span into about four. */
function ticks([low, high]) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const marks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) marks.push(at);
  return marks;
}

function span(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - margin, high + margin];
}

function drawChart(shown) {
  const { title, higherIsBetter, value } = views[metric.value];
  const points = shown
    .filter((row) => value(row) !== null)
    .map((row) => ({ row, x: row.bytes, y: value(row) }));
  if (points.length === 0) return byId('chart').replaceChildren();
  const narrow = window.innerWidth < 600;
  const [width, height] = narrow ? [400, 300] : [900, 360];
  const inner = { left: 52, right: width - 12, top: 24, bottom: height - 40 };
  const [xs, ys] = [span(points.map(({ x }) => x)), span(points.map(({ y }) => y))];
  const at =
    ([low, high], from, to) =>
    (v) =>
      from + ((v - low) / (high - low)) * (to - from);
  const [px, py] = [at(xs, inner.left, inner.right), at(ys, inner.bottom, inner.top)];
  const line = (x1, y1, x2, y2) => drawn('line', { class: 'grid', x1, y1, x2, y2 });
  const text = (x, y, anchor, content) => drawn('text', { x, y, 'text-anchor': anchor }, content);
  const grid = [
    ...ticks(ys).flatMap((v) => [
      line(inner.left, py(v), inner.right, py(v)),
      text(inner.left - 6, py(v) + 4, 'end', Number(v.toPrecision(4))),
    ]),
    ...ticks(xs).map((v) => text(px(v), inner.bottom + 18, 'middle', gigabytes(v))),
    text(inner.left, 12, 'start', title),
    text(inner.right, height - 6, 'end', 'Memory'),
  ];
  const best = front(points, higherIsBetter);
  const steps = best.slice(1).map(({ x, y }) => `H${px(x)}V${py(y)}`);
  const path = `M${px(best[0].x)},${py(best[0].y)}${steps.join('')}`;
  const dots = points.map(({ row, x, y }) => {
    const colour = colours.get(methodOf(row));
    const label = `${row.model}, ${methodOf(row)}${row.calibration ? ` on ${row.calibration}` : ''}${row.source ? ', published' : ''}: ${y.toFixed(3)} at ${gigabytes(x)}`;
    const fill = row.source ? 'none' : colour;
    const shape = { cx: px(x), cy: py(y), r: 6, fill, stroke: colour, 'stroke-width': 2 };
    return drawn(
      'circle',
      { ...shape, tabindex: 0, role: 'img', 'aria-label': label },
      drawn('title', {}, label),
    );
  });
  const svg = drawn(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': `${title} against memory` },
    ...grid,
    drawn('path', { class: 'front', d: path }),
    ...dots,
  );
  const legend = element('ul', { class: 'legend' });
  for (const name of new Set(points.map(({ row }) => methodOf(row)))) {
    legend.append(element('li', {}, element('i', { style: `--colour: ${colours.get(name)}` }), name));
  }
  byId('chart').replaceChildren(svg, legend);
  byId('better').textContent = higherIsBetter ? 'Up' : 'Down';
}

function draw() {
  const shown = shownRows();
  const ours = rows.filter((row) => !row.source).length;
  byId('summary').textContent = `${shown.length} of ${rows.length} rows, ${ours} measured here`;
  byId('empty').hidden = shown.length > 0;
  drawHead();
  drawBody(shown);
  drawChart(shown);
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
window.addEventListener('resize', () => drawChart(shownRows()));
draw();
