import type { Evidence, LayerEvidence, Statistic } from '@moepress/core';
import { calibrate } from '@moepress/runtime';
import { type Check, difference, hold } from '../checks/check.js';
import { splittingEngine, usualEngine } from '../toys/engines.js';
import { toyTexts } from '../toys/open-toys.js';
import type { Trials } from './trials.js';

/** What must hold for the statistics that a method measures. */
export const measuringChecks = (trials: Trials): Check[] => [
  { name: 'measures the same in other batches and with two workers', run: () => measuresTheSame(trials) },
];

async function measuresTheSame(trials: Trials): Promise<void> {
  const { toy, model, needs } = await trials.first();
  if (needs.length === 0) return;
  // A statistic of the plugin says what its outputs are called only where it is collected.
  const outputs = new Map<Statistic, Set<string>>();
  const watched = needs.map((statistic) => watching(statistic, outputs));
  const whole = await calibrate(usualEngine(), { model, set: toyTexts, statistics: watched });
  const split = await calibrate(splittingEngine(), { model, set: toyTexts, statistics: watched });
  for (const [i, statistic] of needs.entries()) {
    for (const output of outputs.get(statistic) ?? []) {
      const [a, b] = [whole, split].map((evidence) => numbersOf(evidence, watched[i]!, output)) as [
        number[],
        number[],
      ];
      const gap = difference(a, b);
      hold(
        gap < 1e-4,
        `On the toy "${toy}" the output "${output}" of the statistic "${statistic.name}" depends on how the text is split into batches (by ${gap.toExponential(1)} of its largest value): its outputs must be sums over tokens.`,
      );
    }
  }
}

/** The same statistic, which notes the names of its outputs. */
function watching(statistic: Statistic, outputs: Map<Statistic, Set<string>>): Statistic {
  const names = new Set<string>();
  outputs.set(statistic, names);
  const collect = (...asked: Parameters<Statistic['collect']>) => {
    const values = (statistic.collect as (...asked: unknown[]) => ReturnType<Statistic['collect']>)(...asked);
    for (const name of Object.keys(values)) names.add(name);
    return values;
  };
  return { ...statistic, collect } as Statistic;
}

function numbersOf({ layers, mlps, attention }: Evidence, statistic: Statistic, output: string): number[] {
  const all: readonly LayerEvidence[] = { experts: layers, mlps, attention }[statistic.target ?? 'experts'];
  return all.flatMap((layer) => [...layer.read(statistic, output)]);
}
