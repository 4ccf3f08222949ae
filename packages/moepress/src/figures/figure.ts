import type { PlotOptions } from '@observablehq/plot';
import { figureMark } from '../files/output-kinds.js';

type Plot = typeof import('@observablehq/plot');

/** Reads on white and on black. */
export const accent = '#e8590c';

const theme = 'svg { color: #1f2328 } @media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }';

/** A figure as an SVG document that suits light and dark pages. */
export async function renderFigure(describe: (plot: Plot) => PlotOptions): Promise<string> {
  // Half a second and many modules, which only figures need.
  const [plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  const { document } = parseHTML('<html><body></body></html>');
  const figure = plot.plot({ ...describe(plot), document });
  const style = document.createElement('style');
  style.textContent = theme;
  figure.prepend(style);
  figure.setAttribute(figureMark, '');
  figure.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${figure.outerHTML}\n`;
}
