import type { PlotOptions } from '@observablehq/plot';
import { figureMark } from '../files/output-kinds.js';

type Plot = typeof import('@observablehq/plot');

/** Orange and blue, which whoever sees few hues tells apart; both read on light and on dark ground. */
export const accent = '#e8590c';
export const second = '#3178d0';

/** A figure brings its ground along, so that it reads wherever it is shown. */
const theme = [
  'svg { color: #1f2328; background: #fcfcfb; font-family: system-ui, sans-serif } .soft { opacity: 0.75 }',
  '@media (prefers-color-scheme: dark) { svg { color: #e6edf3; background: #15171a } }',
].join(' ');

/** What a mark of the figure stands for. */
export interface LegendEntry {
  readonly kind: 'line' | 'dot' | 'tick';
  readonly colour: string;
  readonly opacity?: number;
  readonly label: string;
}

/** A bar of shades: the shares of its length at which they are given, and the texts below it. */
export interface ShadeBar {
  readonly colour: string;
  readonly shades: readonly { readonly at: number; readonly opacity: number }[];
  readonly marks: readonly { readonly at: number; readonly label: string }[];
  readonly label: string;
}

export interface FigureText {
  /** What is shown, of which model. */
  readonly title: string;
  /** What a reader has to know, a line each. */
  readonly notes: readonly string[];
  readonly legend?: readonly LegendEntry[];
  readonly shades?: ShadeBar;
}

/** Lengths in pixels. */
const side = 16;
const lineHeight = 18;
const shadeWidth = 160;
/** Of the letters of notes, and of titles, which are larger. */
const letter = { note: 6.3, title: 8 };

/** A figure as an SVG document that suits light and dark pages: title, notes and legend, then the plot. */
export async function renderFigure(text: FigureText, describe: (plot: Plot) => PlotOptions): Promise<string> {
  // Half a second and many modules, which only figures need.
  const [plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  const { document } = parseHTML('<html><body></body></html>');
  const options = describe(plot);
  const inner = plot.plot({ ...options, document });
  const draw = (name: string, attributes: Readonly<Record<string, string | number>>, content?: string) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
    if (content !== undefined) node.textContent = content;
    return node;
  };
  const { title, notes, legend = [], shades } = text;
  const legendTop = 34 + lineHeight * notes.length;
  const top = legendTop + (shades ? 44 : legend.length > 0 ? 24 : 4);
  const width = Math.ceil(
    Math.max(
      options.width ?? 640,
      letter.title * title.length + 2 * side,
      ...notes.map((note) => letter.note * note.length + 2 * side),
    ),
  );
  const height = top + (options.height ?? 400);
  const figure = draw('svg', {
    [figureMark]: '',
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    fill: 'currentColor',
    'font-size': 12,
  });
  // It would stretch the plot to the whole figure.
  inner.querySelector('style')?.remove();
  inner.setAttribute('y', String(top));
  figure.append(
    draw('title', {}, title),
    draw('style', {}, theme),
    draw('text', { x: side, y: 24, 'font-size': 15, 'font-weight': 'bold' }, title),
    ...notes.map((note, i) => draw('text', { class: 'soft', x: side, y: 44 + lineHeight * i }, note)),
    ...legendNodes(legend, legendTop + 12, draw),
    ...(shades ? shadeNodes(shades, legendTop + 8, draw) : []),
    inner,
  );
  return `${figure.outerHTML}\n`;
}

/** An element of the figure, of which no more is needed here. */
interface Drawn {
  append(...nodes: readonly Drawn[]): void;
}

type Draw = (name: string, attributes: Readonly<Record<string, string | number>>, content?: string) => Drawn;

function legendNodes(legend: readonly LegendEntry[], y: number, draw: Draw): Drawn[] {
  let x = side;
  return legend.flatMap(({ kind, colour, opacity = 1, label }) => {
    const middle = y - 4;
    const look = { stroke: colour, 'stroke-opacity': opacity };
    const symbol =
      kind === 'dot'
        ? draw('circle', { cx: x + 8, cy: middle, r: 4, fill: colour })
        : kind === 'line'
          ? draw('path', { d: `M${x},${middle}h16`, 'stroke-width': 2.5, ...look })
          : draw('path', { d: `M${x + 8},${middle - 6}v12`, 'stroke-width': 1.5, ...look });
    const name = draw('text', { x: x + 22, y }, label);
    x += 22 + letter.note * label.length + 20;
    return [symbol, name];
  });
}

function shadeNodes({ colour, shades, marks, label }: ShadeBar, y: number, draw: Draw): Drawn[] {
  const gradient = draw('linearGradient', { id: 'shades' });
  for (const { at, opacity } of shades) {
    gradient.append(draw('stop', { offset: at, 'stop-color': colour, 'stop-opacity': opacity }));
  }
  const bar = `M${side},${y}h${shadeWidth}v10h-${shadeWidth}Z`;
  return [
    gradient,
    draw('path', { d: bar, fill: 'url(#shades)', stroke: 'currentColor', 'stroke-opacity': 0.4 }),
    ...marks.map((mark) =>
      draw(
        'text',
        { x: side + shadeWidth * mark.at, y: y + 24, 'text-anchor': mark.at === 0 ? 'start' : 'middle' },
        mark.label,
      ),
    ),
    draw('text', { x: side + shadeWidth + 28, y: y + 10 }, label),
  ];
}
