import { formatPercent } from '../format.js';
import { accent, renderFigure, type ShadeBar } from './figure.js';

const cell = 14;
/** Room for the labels of both axes. */
const margins = { left: 48, right: 16, bottom: 40 };
/** Labelled experts and layers, at most; labels of two digits have room at every second cell. */
const labels = 16;
const closest = 2;
/** Panels of more experts stand below each other. */
const mostBeside = 40;

/** Shares of a sum by layer and expert. */
export interface Shares {
  readonly layers: readonly { readonly layer: number; readonly experts: readonly number[] }[];
}

/** A map of its own scale-mates: the text it was measured on, and the shares. */
export interface HeatMapPanel extends Shares {
  readonly text: string;
}

/** Opacity grows with the root of the share, so that small ones show. */
const faintest = 0.03;
const opacityOf = (part: number) => faintest + (1 - faintest) * Math.sqrt(part);

/**
 * Shares of the mass by layer and expert, of one text or of two, which then have one scale. `heading` names the model and
 * what is shown.
 */
export async function renderHeatMap(panels: readonly HeatMapPanel[], heading: string): Promise<string> {
  const cells = panels.flatMap(({ text, layers }) =>
    layers.flatMap(({ layer, experts }) => experts.map((share, expert) => ({ text, layer, expert, share }))),
  );
  const { layers } = panels[0]!;
  const most = Math.max(...cells.map(({ share }) => share));
  const columns = Math.max(...layers.map(({ experts }) => experts.length));
  const isBeside = panels.length > 1 && columns <= mostBeside;
  const [across, down] = isBeside ? [panels.length, 1] : [1, panels.length];
  const gap = 24;
  // Panels have names above them.
  const top = panels.length > 1 ? 28 : 8;
  const width = margins.left + across * columns * cell + (across - 1) * gap + margins.right;
  const height = top + down * layers.length * cell + (down - 1) * gap + margins.bottom;
  const notes = [`Each cell an expert: its share of the whole model's sensitivity on ${panels[0]!.text}`];
  const facet = panels.length === 1 ? {} : isBeside ? { fx: 'text' } : { fy: 'text' };
  return renderFigure(
    { title: heading, notes: panels.length > 1 ? twoNotes(panels) : notes, shades: shadesOf(most) },
    (Plot) => ({
      width,
      height,
      marginLeft: margins.left,
      marginTop: top,
      marginRight: margins.right,
      marginBottom: margins.bottom,
      x: { label: 'expert', domain: [...Array(columns).keys()], ticks: thinned([...Array(columns).keys()]) },
      y: {
        label: 'layer',
        domain: layers.map(({ layer }) => layer),
        ticks: thinned(layers.map(({ layer }) => layer)),
      },
      ...(panels.length > 1 && {
        fx: { label: null, padding: gap / (columns * cell) },
        fy: { label: null, padding: gap / (layers.length * cell) },
      }),
      opacity: { type: 'sqrt', domain: [0, most], range: [faintest, 1] },
      marks: [
        Plot.cell(cells, {
          ...facet,
          x: 'expert',
          y: 'layer',
          fill: accent,
          fillOpacity: { value: 'share', scale: true },
          inset: 0.5,
          title: ({ layer, expert, share }: (typeof cells)[number]) =>
            `layer ${layer}, expert ${expert}: ${formatPercent(share, 2)}`,
        }),
      ],
    }),
  );
}

const twoNotes = (panels: readonly HeatMapPanel[]) => [
  "Each cell an expert: its share of the whole model's sensitivity on each of the texts",
  panels.map(({ text }) => text).join(' and '),
];

/** A bar whose length is the share, up to the largest. */
function shadesOf(most: number): ShadeBar {
  const steps = [...Array(11).keys()].map((i) => i / 10);
  return {
    colour: accent,
    shades: steps.map((at) => ({ at, opacity: opacityOf(at) })),
    marks: [0, 0.5, 1].map((at) => ({ at, label: formatPercent(at * most, at === 0 ? 0 : 2) })),
    label: 'share of an expert',
  };
}

/** Every n-th value, so that labels do not overlap. */
function thinned(values: readonly number[]): number[] {
  const step = values.length > 10 ? Math.max(closest, Math.ceil(values.length / labels)) : 1;
  return values.filter((_, i) => i % step === 0);
}
