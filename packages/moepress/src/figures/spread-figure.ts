import { accent, renderFigure } from './figure.js';

/** Values of a number under each value of an option, and their mean. */
export interface Spread {
  readonly option: string;
  readonly levels: readonly {
    readonly value: string;
    readonly mean: number;
    readonly values: readonly number[];
  }[];
}

/** A number that configurations are compared by. */
export interface Axis {
  readonly title: string;
  readonly higherIsBetter: boolean;
  /** Whether ratios tell more than differences. */
  readonly isRatio: boolean;
}

const row = 16;
const margins = { left: 150, top: 56, right: 24, bottom: 40 };

/** Every configuration as a dot under each value of its options, and the mean of each value as a bar. */
export async function renderSpread(
  factors: readonly Spread[],
  { title, higherIsBetter, isRatio }: Axis,
  heading: string,
): Promise<string> {
  const levels = factors.flatMap(({ option, levels }) =>
    levels.map((level) => ({ ...level, place: `${option} ${level.value}` })),
  );
  const dots = levels.flatMap(({ place, values }) => values.map((value) => ({ place, value })));
  const places = factors.flatMap(({ option, levels }, i) => [
    ...(i > 0 ? [`gap ${i}`] : []),
    ...levels.map(({ value }) => `${option} ${value}`),
  ]);
  return renderFigure((Plot) => ({
    width: 720,
    height: margins.top + places.length * row + margins.bottom,
    marginLeft: margins.left,
    marginTop: margins.top,
    marginRight: margins.right,
    marginBottom: margins.bottom,
    x: {
      label: `${title}, ${higherIsBetter ? 'more' : 'less'} is better`,
      labelArrow: 'none',
      grid: true,
      type: isRatio ? 'log' : 'linear',
    },
    y: {
      label: null,
      domain: places,
      tickSize: 0,
      tickFormat: (place: string) => (place.startsWith('gap ') ? '' : place),
    },
    marks: [
      Plot.dot(dots, { x: 'value', y: 'place', r: 2.5, fill: 'currentColor', fillOpacity: 0.25 }),
      Plot.tickX(levels, {
        x: 'mean',
        y: 'place',
        stroke: accent,
        strokeWidth: 2.5,
        title: ({ place, mean }: (typeof levels)[number]) => `${place}: ${mean.toPrecision(4)} on average`,
      }),
      Plot.text([heading], {
        frameAnchor: 'top-left',
        dx: 8 - margins.left,
        dy: 8 - margins.top + 8,
        fontWeight: 'bold',
      }),
      Plot.text(
        ['each dot a configuration, each bar the mean of a value; the option that matters most comes first'],
        {
          frameAnchor: 'top-left',
          dx: 8 - margins.left,
          dy: 8 - margins.top + 26,
        },
      ),
    ],
  }));
}
