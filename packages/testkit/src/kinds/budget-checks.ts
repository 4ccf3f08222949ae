import {
  type Budget,
  createRng,
  dropLowest,
  isKnownBudget,
  type LayerPlan,
  type Model,
  moeBlocks,
  type Plugin,
  parseOptions,
  registerBudgets,
  type Scorer,
} from '@moepress/core';
import { noTools } from '@moepress/core/testing';
import { expertHits } from '@moepress/graph';
import { calibrate } from '@moepress/runtime';
import { type Check, type ConformanceOptions, frozen, hold, same } from '../checks/check.js';
import { usualEngine } from '../toys/engines.js';
import { openToy, toyTexts } from '../toys/open-toys.js';

/** What must hold for the budgets of a plugin. */
export function budgetChecks(plugin: Plugin, settings: ConformanceOptions): Check[] {
  return (plugin.budgets ?? []).map((budget) => ({
    name: `budget ${budget.name}: lets as many experts go as were asked for, the same again`,
    run: () => meetsTheRatio(budget, plugin, settings),
  }));
}

/** Any ranking will do, as long as it measures what can differ between calibration sets. */
const anyRanking: Scorer = {
  name: 'any-ranking',
  title: 'Any ranking',
  reference: 'none: a check',
  needs: [expertHits],
  score: (layer, { rng }) => layer.read(expertHits, 'count').map((count) => count + rng.next()),
};

async function meetsTheRatio(
  budget: Budget,
  { name }: Plugin,
  { options = {}, ratio = 0.5 }: ConformanceOptions,
): Promise<void> {
  if (!isKnownBudget(budget.name)) registerBudgets([budget], { package: name, version: '0.0.0' });
  const own = { name: budget.name, ...options[`budget ${budget.name}`] };
  for (const toy of ['plain', 'grouped'] as const) {
    const model = frozen(await openToy(toy));
    const { name: _, ...given } = own;
    const setsSize = budget.setsSize?.(parseOptions(budget, given)) ?? false;
    const [first, second] = [
      await decide(model, own, setsSize ? null : ratio),
      await decide(model, own, setsSize ? null : ratio),
    ];
    same(first, second, `On the toy "${toy}" the budget decides otherwise when it is asked again.`);
    if (setsSize) continue;
    const wanted = dropped(model, await decide(model, { name: 'uniform' }, ratio));
    const gone = dropped(model, first);
    hold(
      gone === wanted,
      `On the toy "${toy}" ${gone} experts go, where the ratio ${ratio} stands for ${wanted}: the steps of all layers together must be totalSteps(layers).`,
    );
    hold(dropped(model, await decide(model, own, 0)) === 0, `On the toy "${toy}" experts go at ratio 0.`);
  }
}

async function decide(
  model: Model,
  budget: { readonly name: string },
  ratio: number | null,
): Promise<readonly LayerPlan[]> {
  const compressor = dropLowest(anyRanking);
  const options = parseOptions(compressor, { budget, ...(ratio !== null && { ratio }) });
  const statistics = compressor.needs(model, options);
  const evidence = await calibrate(usualEngine(), { model, set: toyTexts, statistics });
  const domains = compressor.comparesSets?.(options) ? [evidence] : undefined;
  const asked = { model, evidence, domains, options, rng: createRng(0), tools: noTools };
  return (await compressor.plan(asked)).layers;
}

/** How many experts a plan drops in all layers together. */
function dropped(model: Model, layers: readonly LayerPlan[]): number {
  const sizes = new Map(moeBlocks(model).map(({ index, ffn }) => [index, ffn.slots.length]));
  return layers.reduce((sum, { layer, ops: [op] }) => {
    return op?.op === 'keep-experts' ? sum + sizes.get(layer)! - op.experts.length : sum;
  }, 0);
}
