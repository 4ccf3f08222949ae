import { describe, expect, it } from 'vitest';
import { sweepText } from '../../../cli/text/sweep-text.js';
import { factors, rankCorrelation } from './spread.js';
import { type AskedEntry, type Entry, newEntry } from './sweep-entry.js';
import { measuresOf, ranked } from './sweep-measure.js';

const entry = (
  options: Entry['options'],
  distance: number | null,
  perplexity?: number,
  accuracy?: number,
): AskedEntry => ({
  ...newEntry({
    configuration: JSON.stringify(options),
    asked: '',
    options,
    decision: '',
    distance,
    error: null,
    parameters: 1,
    scores: {
      ...(perplexity !== undefined && { text: { 'word_perplexity,none': perplexity } }),
      ...(accuracy !== undefined && { facts: { 'acc,none': accuracy } }),
    },
  }),
  again: {},
});

const entries = [
  entry({ scoring: 'a', keep: 4 }, 0.5, 10, 0.9),
  entry({ scoring: 'a', keep: 8 }, 0.7, 1000),
  entry({ scoring: 'b', keep: 4 }, 0.6, 20, 0.8),
  entry({ scoring: 'b', keep: 8 }, 1.0, 500),
];
const named = (name: string) => measuresOf(entries).find((measure) => measure.name === name)!;

describe('measures', () => {
  it('are what any of the entries knows', () => {
    expect(measuresOf(entries).map(({ name }) => name)).toEqual(['distance', 'text', 'facts']);
    expect(measuresOf([entry({}, null)])).toEqual([]);
  });

  it('rank best first, what is not known last', () => {
    const order = (name: string) =>
      ranked(entries, named(name)).map(({ options }) => Object.values(options).join(''));
    expect(order('distance')).toEqual(['a4', 'b4', 'a8', 'b8']);
    expect(order('facts')).toEqual(['a4', 'b4', 'a8', 'b8']);
    expect(order('text')).toEqual(['a4', 'b4', 'b8', 'a8']);
  });
});

describe('what the best were asked again', () => {
  const asked = [
    { ...entry({ seed: 0 }, null, undefined, 0.9), again: { facts: { 'acc,none': 0.4 } } },
    { ...entry({ seed: 1 }, null, undefined, 0.8), again: { facts: { 'acc,none': 0.7 } } },
    entry({ seed: 2 }, null, undefined, 0.75),
    entry({ seed: 3 }, null, undefined, 0.5),
  ];
  const [first, again] = measuresOf(asked);

  it('is a measure of its own, of other documents', () => {
    expect([first!.title, again!.title]).toEqual(['facts (acc)', 'facts (acc), asked again']);
    expect(asked.map((one) => again!.of(one))).toEqual([0.4, 0.7, null, null]);
    expect(factors(asked, ['seed'], first!)[0]!.levels.map(({ mean }) => mean)).toEqual([
      0.9, 0.8, 0.75, 0.5,
    ]);
  });

  it('ranks them before all others, however lucky those were', () => {
    expect(ranked(asked, first!).map(({ options }) => options.seed)).toEqual([1, 0, 2, 3]);
    const summary = {
      title: 'T',
      entries: asked,
      measures: [first!, again!],
      by: first!,
      options: ['seed'],
      figures: [],
      out: '',
    };
    const text = sweepText({ ...summary, factors: factors(asked, ['seed'], first!) });
    expect(text).toContain('those first that were asked again');
  });
});

describe('factors', () => {
  it('come in the order of what they decide', () => {
    const [first, second] = factors(entries, ['scoring', 'keep'], named('distance'));
    expect(first).toMatchObject({
      option: 'keep',
      levels: [{ value: '4', values: [0.5, 0.6] }, { value: '8' }],
    });
    expect(first!.range).toBeCloseTo(0.85 - 0.55, 12);
    expect(second!.range).toBeCloseTo(0.8 - 0.6, 12);
  });

  it('compare perplexities by their ratio', () => {
    const [first, second] = factors(entries, ['scoring', 'keep'], named('text'));
    expect(first!.option).toBe('keep');
    expect(first!.levels[0]!.mean).toBeCloseTo(Math.sqrt(200), 9);
    expect(first!.range).toBeCloseTo(Math.sqrt(500_000 / 200), 9);
    expect(second!.range).toBeCloseTo(1, 9);
  });

  it('leave out what was not measured', () => {
    expect(factors(entries, ['keep'], named('facts'))[0]!.levels).toHaveLength(1);
    expect(factors([], ['keep'], named('distance'))).toEqual([]);
  });
});

describe('rankCorrelation', () => {
  it('is 1 for measures that agree on what is better, -1 for opposite ones', () => {
    const three = [entry({}, 1, 30, 0.2), entry({}, 2, 40, 0.1), entry({}, 3, 90, 0)];
    expect(rankCorrelation(three, named('distance'), named('text'))).toBeCloseTo(1, 12);
    expect(rankCorrelation(three, named('distance'), named('facts'))).toBeCloseTo(1, 12);
    const opposite = three.map((one, i) => ({ ...one, distance: -i }));
    expect(rankCorrelation(opposite, named('distance'), named('text'))).toBeCloseTo(-1, 12);
  });

  it('shares ranks among equals, and does not exist for a constant or a few', () => {
    const ties = [entry({}, 1, 1), entry({}, 1, 2), entry({}, 2, 3)];
    expect(rankCorrelation(ties, named('distance'), named('text'))).toBeCloseTo(Math.sqrt(3) / 2, 12);
    expect(rankCorrelation(entries, named('distance'), named('facts'))).toBeNull();
    expect(
      rankCorrelation(
        ties.map((one) => ({ ...one, distance: 1 })),
        named('distance'),
        named('text'),
      ),
    ).toBeNull();
  });
});
