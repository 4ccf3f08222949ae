import type { TrainingPoint } from '@moepress/core';
import { accent, renderFigure } from './figure.js';

export type Curves = Readonly<Record<string, readonly TrainingPoint[]>>;

/** The losses of all stages, one panel each; dots are those of the validation set. */
export function renderLossCurves(curves: Curves): Promise<string> {
  const points = Object.entries(curves).flatMap(([stage, curve]) =>
    curve.map((point) => ({ stage, ...point })),
  );
  return renderFigure((Plot) => ({
    width: Math.max(480, 360 * Object.keys(curves).length),
    height: 320,
    marginLeft: 48,
    marginTop: 40,
    fx: { label: null },
    x: { label: 'step' },
    y: { label: 'loss, nats a token', zero: true, grid: true },
    marks: [
      Plot.lineY(points, { fx: 'stage', x: 'step', y: 'loss', stroke: accent }),
      Plot.dot(
        points.filter(({ validation }) => validation !== undefined),
        { fx: 'stage', x: 'step', y: 'validation', stroke: 'currentColor', r: 2.5 },
      ),
    ],
  }));
}
