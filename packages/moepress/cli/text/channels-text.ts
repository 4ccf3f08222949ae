import { formatPercent } from '../../src/format.js';
import type { LayerMass, Mass } from '../../src/statistics/channel-mass.js';
import type { Overlap } from '../../src/statistics/channel-overlap.js';
import { formatTable } from './table.js';

const topExperts = 4;

/** Where the mass lies, for people. */
export function renderMass({ layers, concentration }: Mass): string {
  const heads = concentration.map(
    ({ channels, share }) =>
      `the best ${formatPercent(channels, 0)} of the channels hold ${formatPercent(share)}`,
  );
  const table = formatTable(
    [
      { title: 'layer', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'most of it in (expert, share of the model)' },
    ],
    layers.map((layer) => [String(layer.layer), formatPercent(layer.share), topOf(layer)]),
  );
  return `${table}\n\nOf the mass, ${heads.join(', ')}.`;
}

function topOf({ experts }: LayerMass): string {
  const order = [...experts.keys()].sort((a, b) => experts[b]! - experts[a]! || a - b).slice(0, topExperts);
  return order.map((expert) => `${expert} (${formatPercent(experts[expert]!)})`).join(', ');
}

export function renderOverlaps(overlaps: readonly Overlap[], against: string): string {
  const table = formatTable(
    [
      { title: 'removed', align: 'right' },
      { title: 'best of the model', align: 'right' },
      { title: 'best of each expert', align: 'right' },
      { title: 'by chance', align: 'right' },
    ],
    overlaps.map(({ removed, model, expert }) => [
      formatPercent(removed, 0),
      formatPercent(model),
      formatPercent(expert),
      formatPercent(1 - removed),
    ]),
  );
  return `Of the channels kept, ${against} keeps as well:\n\n${table}`;
}
