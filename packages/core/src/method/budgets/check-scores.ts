import { MoepressError } from '../../errors/error.js';
import type { BudgetLayer } from './budget.js';

/** For budgets that compare shares of scores: throws `OPTIONS_INVALID` where a score is negative, so that there are none. */
export function checkSharesOfScores(budget: string, layers: readonly BudgetLayer[]): void {
  for (const { layer, scoresBySet } of layers) {
    const negative = scoresBySet.flatMap((own) => [...own]).find((score) => score < 0);
    if (negative === undefined) continue;
    throw new MoepressError('OPTIONS_INVALID', {
      message: `The budget ${budget} compares shares of scores, and a score of layer ${layer} is negative: ${negative}.`,
      where: 'options.budget',
      hint: 'Choose another budget, or a method whose scores are not negative.',
    });
  }
}
