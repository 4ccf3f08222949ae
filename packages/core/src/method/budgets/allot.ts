import type { Budget, BudgetContext, LayerAllotment } from './budget.js';

/**
 * What a budget decides for each layer. Throws an error that names the budget where it decides something that cannot be done: a
 * budget of a plugin is not trusted more than a method.
 */
export function allot(budget: Budget, context: BudgetContext<unknown>): readonly LayerAllotment[] {
  const allotted = budget.allot(context);
  const { layers } = context;
  if (allotted.length !== layers.length) {
    throw new Error(`The budget ${budget.name} decided for ${allotted.length} layers of ${layers.length}.`);
  }
  for (const [i, { steps, scores }] of allotted.entries()) {
    const { layer, most, ffn } = layers[i]!;
    if (!Number.isInteger(steps) || steps < 0 || steps > most) {
      throw new Error(
        `The budget ${budget.name} gave ${steps} for layer ${layer}, which has room for ${most}.`,
      );
    }
    if (scores && (scores.length !== ffn.pool.length || !scores.every(Number.isFinite))) {
      throw new Error(
        `The budget ${budget.name} ranked layer ${layer} by other numbers than one for each expert.`,
      );
    }
  }
  return allotted;
}
