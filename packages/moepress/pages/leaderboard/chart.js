import { drawn } from 'elements';
import { mark } from 'marks';

/** Points that no other is at least as good as along x and better than along y, from the best x to the worst. */
export function front(points, { largerX, largerY }) {
  const [signX, signY] = [largerX ? -1 : 1, largerY ? -1 : 1];
  let best = Infinity;
  return points
    .toSorted((a, b) => signX * (a.x - b.x) || signY * (a.y - b.y))
    .filter(({ y }) => {
      if (signY * y >= best) return false;
      best = signY * y;
      return true;
    });
}

/** Round steps that divide a span into about four. */
function ticks([low, high]) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const marks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) marks.push(at + 0);
  return marks;
}

/** From the least to the largest value, their errors included, and a margin. */
function span(values, errors) {
  const low = Math.min(...values.map((value, i) => value - (errors[i] ?? 0)));
  const high = Math.max(...values.map((value, i) => value + (errors[i] ?? 0)));
  const margin = (high - low || Math.abs(high) || 1) * 0.08;
  // What costs or scores something is never below nothing.
  const least = Math.min(...values) >= 0 ? 0 : -Infinity;
  return [Math.max(least, low - margin), high + margin];
}

const scale =
  ([low, high], from, to) =>
  (value) =>
    from + ((value - low) / (high - low)) * (to - from);

/**
 * Points { x, y, errorX, errorY, look, hollow, text, label } with error bars and, unless `axes.plain`, the Pareto front.
 * `axes`: { x: { title, mark, larger }, y: … }, where `larger` says that more is better and `mark` writes a number at the
 * axis. `onPoint` is called with the points at a place that is touched, pointed at or focused.
 */
export function chart(points, axes, [width, height], onPoint) {
  const inner = { left: 52, right: width - 16, top: 26, bottom: height - 42 };
  const xs = span(
    points.map(({ x }) => x),
    points.map(({ errorX }) => errorX),
  );
  const ys = span(
    points.map(({ y }) => y),
    points.map(({ errorY }) => errorY),
  );
  const [px, py] = [scale(xs, inner.left, inner.right), scale(ys, inner.bottom, inner.top)];
  const placed = points.map((point) => ({ ...point, px: px(point.x), py: py(point.y) }));
  const shown =
    ({ px: x, py: y }) =>
    () =>
      onPoint(placed.filter((other) => Math.hypot(other.px - x, other.py - y) < 9));
  return drawn(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      role: 'group',
      'aria-label': `${axes.y.title} against ${axes.x.title.toLowerCase()}`,
    },
    ...grid(axes, { inner, xs, ys, px, py, height }),
    ...(axes.plain ? [] : [frontLine(points, axes, px, py)]),
    ...placed.flatMap((point) => errorBars(point, px, py)),
    ...placed.map((point) => pointOf(point, shown(point))),
    ...labels(placed, inner),
  );
}

function grid({ x, y }, { inner, xs, ys, px, py, height }) {
  const line = (y1) => drawn('line', { class: 'grid', x1: inner.left, y1, x2: inner.right, y2: y1 });
  const text = (at, content) => drawn('text', at, content);
  return [
    ...ticks(ys).flatMap((v) => [
      line(py(v)),
      text({ x: inner.left - 6, y: py(v) + 4, 'text-anchor': 'end' }, Number(v.toPrecision(4))),
    ]),
    ...ticks(xs).map((v) => text({ x: px(v), y: inner.bottom + 18, 'text-anchor': 'middle' }, x.mark(v))),
    text({ class: 'title', x: 2, y: 12, 'text-anchor': 'start' }, y.title),
    text({ class: 'title', x: inner.right, y: height - 6, 'text-anchor': 'end' }, x.title),
  ];
}

/** From one of the best to the next nothing is better than the first. */
function frontLine(points, axes, px, py) {
  const best = front(points, { largerX: axes.x.larger, largerY: axes.y.larger });
  const steps = best.slice(1).map(({ x, y }) => `H${px(x)}V${py(y)}`);
  return drawn('path', { class: 'front', d: `M${px(best[0].x)},${py(best[0].y)}${steps.join('')}` });
}

function errorBars({ x, y, errorX, errorY, look }, px, py) {
  const bar = (x1, y1, x2, y2) => drawn('line', { class: 'error', x1, y1, x2, y2, stroke: look.colour });
  return [
    ...(errorY ? [bar(px(x), py(y - errorY), px(x), py(y + errorY))] : []),
    ...(errorX ? [bar(px(Math.max(0, x - errorX)), py(y), px(x + errorX), py(y))] : []),
  ];
}

function pointOf({ px, py, look, hollow, label }, show) {
  const point = drawn(
    'g',
    { class: 'point', tabindex: 0, role: 'img', 'aria-label': label },
    // Fingers are larger than points.
    drawn('circle', { class: 'reach', cx: px, cy: py, r: 16 }),
    mark(look, { x: px, y: py, hollow }),
  );
  for (const event of ['pointerenter', 'focus', 'click']) point.addEventListener(event, show);
  return point;
}

/** Names beside points: to the right, the left, above or below, wherever there is room; where there is none, not at all. */
function labels(placed, inner) {
  const taken = placed.map(({ px, py }) => ({ left: px - 8, right: px + 8, top: py - 8, bottom: py + 8 }));
  return placed.flatMap(({ px, py, text }) => {
    const width = 6.4 * text.length;
    const places = [
      { x: px + 11, y: py + 4, 'text-anchor': 'start', left: px + 10, right: px + 12 + width },
      { x: px - 11, y: py + 4, 'text-anchor': 'end', left: px - 12 - width, right: px - 10 },
      { x: px, y: py - 12, 'text-anchor': 'middle', left: px - width / 2, right: px + width / 2 },
      { x: px, y: py + 20, 'text-anchor': 'middle', left: px - width / 2, right: px + width / 2 },
    ];
    for (const { left, right, ...at } of places) {
      const box = { left, right, top: at.y - 10, bottom: at.y + 2 };
      const inside = left >= inner.left - 20 && right <= inner.right + 14 && box.top > 14;
      if (!inside || taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      return [drawn('text', { class: 'label', ...at }, text)];
    }
    return [];
  });
}

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
