import { drawn } from 'elements';

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
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) marks.push(at);
  return marks;
}

function span(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - margin, high + margin];
}

const scale =
  ([low, high], from, to) =>
  (value) =>
    from + ((value - low) / (high - low)) * (to - from);

/**
 * Points { x, y, colour, hollow, label } with the Pareto front. `axes`: { x: { title, mark, larger }, y: … }, where
 * `larger` says that more is better and `mark` writes a number at the axis.
 */
export function chart(points, axes, [width, height]) {
  const inner = { left: 52, right: width - 12, top: 24, bottom: height - 40 };
  const [xs, ys] = [span(points.map(({ x }) => x)), span(points.map(({ y }) => y))];
  const [px, py] = [scale(xs, inner.left, inner.right), scale(ys, inner.bottom, inner.top)];
  const line = (x1, y1, x2, y2) => drawn('line', { class: 'grid', x1, y1, x2, y2 });
  const text = (x, y, anchor, content) => drawn('text', { x, y, 'text-anchor': anchor }, content);
  const grid = [
    ...ticks(ys).flatMap((v) => [
      line(inner.left, py(v), inner.right, py(v)),
      text(inner.left - 6, py(v) + 4, 'end', Number(v.toPrecision(4))),
    ]),
    ...ticks(xs).map((v) => text(px(v), inner.bottom + 18, 'middle', axes.x.mark(v))),
    text(inner.left, 12, 'start', axes.y.title),
    text(inner.right, height - 6, 'end', axes.x.title),
  ];
  const best = front(points, { largerX: axes.x.larger, largerY: axes.y.larger });
  // From one of them to the next nothing is better than the first.
  const steps = best.slice(1).map(({ x, y }) => `H${px(x)}V${py(y)}`);
  const path = `M${px(best[0].x)},${py(best[0].y)}${steps.join('')}`;
  const dots = points.map(({ x, y, colour, hollow, label }) =>
    drawn(
      'circle',
      {
        cx: px(x),
        cy: py(y),
        r: 6,
        fill: hollow ? 'none' : colour,
        stroke: colour,
        'stroke-width': 2,
        tabindex: 0,
        role: 'img',
        'aria-label': label,
      },
      drawn('title', {}, label),
    ),
  );
  return drawn(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      role: 'group',
      'aria-label': `${axes.y.title} against ${axes.x.title.toLowerCase()}`,
    },
    ...grid,
    drawn('path', { class: 'front', d: path }),
    ...dots,
  );
}
