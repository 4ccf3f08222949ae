import { formatPercent } from '../format.js';
import { accent, renderFigure } from './figure.js';

const cell = 14;
/** Room for the labels of both axes and two lines of heading. */
const margins = { left: 48, top: 64, right: 16, bottom: 40 };
/** Labelled experts and layers, about. */
const labels = 16;

/** Shares of a sum by layer and expert. */
export interface Shares {
  readonly layers: readonly { readonly layer: number; readonly experts: readonly number[] }[];
}

/** Shares of the mass by layer and expert; opacity grows with the root of the share, so that small ones show. */
export async function renderHeatMap({ layers }: Shares, heading: string): Promise<string> {
  const cells = layers.flatMap(({ layer, experts }) =>
    experts.map((share, expert) => ({ layer, expert, share })),
  );
  const most = Math.max(...cells.map(({ share }) => share));
  const columns = Math.max(...layers.map(({ experts }) => experts.length));
  const width = Math.max(margins.left + columns * cell + margins.right, 480);
  return renderFigure((Plot) => ({
    width,
    height: margins.top + layers.length * cell + margins.bottom,
    marginLeft: margins.left,
    marginTop: margins.top,
    marginRight: margins.right,
    marginBottom: margins.bottom,
    x: { label: 'expert', domain: [...Array(columns).keys()], ticks: thinned([...Array(columns).keys()]) },
    y: {
      label: 'layer',
      domain: layers.map(({ layer }) => layer),
      ticks: thinned(layers.map(({ layer }) => layer)),
    },
    opacity: { type: 'sqrt', domain: [0, most], range: [0.03, 1] },
    marks: [
      Plot.cell(cells, {
        x: 'expert',
        y: 'layer',
        fill: accent,
        fillOpacity: { value: 'share', scale: true },
        inset: 0.5,
        title: ({ layer, expert, share }: (typeof cells)[number]) =>
          `layer ${layer}, expert ${expert}: ${formatPercent(share, 2)}`,
      }),
      Plot.text([heading], { frameAnchor: 'top-left', dx: -margins.left + 8, dy: -48, fontWeight: 'bold' }),
      Plot.text([`full colour: ${formatPercent(most, 2)} of the mass, half: a quarter of that`], {
        frameAnchor: 'top-left',
        dx: -margins.left + 8,
        dy: -30,
      }),
    ],
  }));
}

/** Every n-th value, so that labels do not overlap. */
function thinned(values: readonly number[]): number[] {
  const step = Math.ceil(values.length / labels);
  return values.filter((_, i) => i % step === 0);
}
