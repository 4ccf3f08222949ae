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

const row = 18;
const margins = { left: 150, top: 12, right: 24, bottom: 40 };

/** Every configuration as a stroke under each value of its options, and the mean of each value with its standard error. */
export async function renderSpread(
  factors: readonly Spread[],
  { title, higherIsBetter, isRatio }: Axis,
  heading: string,
): Promise<string> {
  const levels = factors.flatMap(({ option, levels }) =>
    levels.map((level) => ({
      ...level,
      place: `${option} ${level.value}`,
      ...errorOf(level.values, level.mean, isRatio),
    })),
  );
  const strokes = levels.flatMap(({ place, values }) => values.map((value) => ({ place, value })));
  const places = factors.flatMap(({ option, levels }, i) => [
    ...(i > 0 ? [`gap ${i}`] : []),
    ...levels.map(({ value }) => `${option} ${value}`),
  ]);
  const text = {
    title: `${heading}: ${title}`,
    notes: [`The option that matters most comes first; ${higherIsBetter ? 'more' : 'less'} is better`],
    legend: [
      { kind: 'tick', colour: 'currentColor', opacity: 0.5, label: 'a configuration' },
      {
        kind: 'dot',
        colour: accent,
        label: `${isRatio ? 'geometric mean' : 'mean'} of a value ± its standard error`,
      },
    ] as const,
  };
  return renderFigure(text, (Plot) => ({
    width: 720,
    height: margins.top + places.length * row + margins.bottom,
    marginLeft: margins.left,
    marginTop: margins.top,
    marginRight: margins.right,
    marginBottom: margins.bottom,
    x: {
      label: title,
      labelArrow: 'none',
      grid: true,
      type: isRatio ? 'log' : 'linear',
      inset: 8,
      ...(isRatio && { ticks: roundNumbers(strokes.map(({ value }) => value)) }),
    },
    y: {
      label: null,
      domain: places,
      tickSize: 0,
      tickFormat: (place: string) => (place.startsWith('gap ') ? '' : place),
    },
    marks: [
      Plot.tickX(strokes, { x: 'value', y: 'place', stroke: 'currentColor', strokeOpacity: 0.4, inset: 2 }),
      Plot.ruleY(
        levels.filter(({ low, high }) => low < high),
        { x1: 'low', x2: 'high', y: 'place', stroke: accent, strokeWidth: 3 },
      ),
      Plot.dot(levels, {
        x: 'mean',
        y: 'place',
        r: 4.5,
        fill: accent,
        title: ({ place, mean, values }: (typeof levels)[number]) =>
          `${place}: ${mean.toPrecision(4)} on average over ${values.length}`,
      }),
    ],
  }));
}

/** The mean, less and more its standard error; of ratios that of their logarithms. */
function errorOf(values: readonly number[], mean: number, isRatio: boolean): { low: number; high: number } {
  if (values.length < 2) return { low: mean, high: mean };
  const [numbers, middle] = isRatio ? [values.map(Math.log), Math.log(mean)] : [values, mean];
  const squares = numbers.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const error = Math.sqrt(squares / (values.length - 1) / values.length);
  const back = isRatio ? Math.exp : (value: number) => value;
  return { low: back(middle - error), high: back(middle + error) };
}

/** Labels of an axis of ratios: about five numbers of even distance, or where they go far, each twice or more the last. */
function roundNumbers(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const powers = [...Array(40).keys()].flatMap((i) => [1, 2, 5].map((digit) => digit * 10 ** (i - 20)));
  if (high > 5 * low) return powers.filter((number) => number >= low && number <= high);
  const step = powers.find((number) => number >= (high - low) / 6) ?? 1;
  const count = Math.max(0, Math.floor(high / step) - Math.ceil(low / step) + 1);
  return [...Array(count).keys()].map((i) => Number(((Math.ceil(low / step) + i) * step).toPrecision(12)));
}
