import type { TrainingPoint } from '@moepress/core';
import { accent, renderFigure, second } from './figure.js';

export type Curves = Readonly<Record<string, readonly TrainingPoint[]>>;

/** The mean runs over this share of the steps around each. */
const window = 1 / 20;

/** The losses of all stages, one panel each: every step, their running mean, and those of the validation set. */
export function renderLossCurves(curves: Curves, heading: string): Promise<string> {
  const points = Object.entries(curves).flatMap(([stage, curve]) =>
    smoothed(curve).map((mean, i) => ({ stage, ...curve[i]!, mean })),
  );
  const validation = points.filter((point) => point.validation !== undefined);
  const stages = Object.keys(curves).length;
  const text = {
    title: heading,
    notes: [
      `Cross-entropy or divergence of each step in nats a token, and its mean over ${100 * window} % of the steps`,
    ],
    legend: [
      { kind: 'line', colour: accent, opacity: 0.35, label: 'training, each step' },
      { kind: 'line', colour: accent, label: 'training, mean' },
      ...(validation.length > 0 ? [{ kind: 'dot', colour: second, label: 'validation' } as const] : []),
    ] as const,
  };
  return renderFigure(text, (Plot) => ({
    width: Math.max(560, 360 * stages),
    height: 320,
    marginLeft: 52,
    marginTop: stages > 1 ? 32 : 20,
    marginRight: 20,
    inset: 6,
    fx: { label: null, domain: Object.keys(curves), axis: stages > 1 ? 'top' : null },
    x: { label: 'step', nice: true },
    y: { label: 'loss, nats a token', labelArrow: 'none', nice: true, grid: true },
    marks: [
      Plot.lineY(points, {
        fx: 'stage',
        x: 'step',
        y: 'loss',
        stroke: accent,
        strokeOpacity: 0.35,
        strokeWidth: 1,
      }),
      Plot.lineY(points, { fx: 'stage', x: 'step', y: 'mean', stroke: accent, strokeWidth: 2 }),
      Plot.lineY(validation, { fx: 'stage', x: 'step', y: 'validation', stroke: second, strokeWidth: 1.5 }),
      Plot.dot(validation, { fx: 'stage', x: 'step', y: 'validation', fill: second, r: 3 }),
    ],
  }));
}

/** The mean loss of the steps around each; at both ends of those that there are. */
function smoothed(curve: readonly TrainingPoint[]): number[] {
  const reach = Math.floor((curve.length * window) / 2);
  return curve.map((_, i) => {
    const near = curve.slice(Math.max(0, i - reach), i + reach + 1);
    return near.reduce((sum, { loss }) => sum + loss, 0) / near.length;
  });
}
