import { z } from 'zod';
import { MoepressError } from '../../errors/error.js';
import { suggest } from '../../errors/suggest.js';
import type { MethodOrigin } from '../build-plan.js';
import { parseOptions } from '../options-schema.js';
import type { Budget } from './budget.js';
import { coverage } from './coverage.js';
import { globalRanking } from './global.js';
import { maxMin } from './max-min.js';
import { uniform } from './uniform.js';

const own = [uniform, globalRanking, coverage, maxMin] as readonly Budget[];

/** Budgets of plugins, with the packages that they came from. */
const ofPlugins = new Map<string, { readonly budget: Budget; readonly origin: MethodOrigin }>();

/** The option `budget` of a ranking: a name, or a name with the options of that budget. */
export const budgetChoice = z.union([z.string(), z.looseObject({ name: z.string() })]);

export type BudgetChoice = z.infer<typeof budgetChoice>;

export const budgetNames = (): string[] => [...own.map(({ name }) => name), ...ofPlugins.keys()];

/** The name that a value of the option `budget` names, if it is one of the forms that it takes. */
export function budgetNameOf(choice: unknown): string | null {
  const parsed = budgetChoice.safeParse(choice);
  if (!parsed.success) return null;
  return typeof parsed.data === 'string' ? parsed.data : parsed.data.name;
}

/**
 * Makes a plugin's budgets known by their names. Throws `PLUGIN_INVALID` for a name that one of ours or of another package has.
 */
export function registerBudgets(budgets: readonly Budget[], origin: MethodOrigin): void {
  for (const budget of budgets) {
    const other = ofPlugins.get(budget.name);
    const isOurs = own.some(({ name }) => name === budget.name);
    if (isOurs || (other && other.origin.package !== origin.package)) {
      throw new MoepressError('PLUGIN_INVALID', {
        message: `The budget "${budget.name}" is there already, ${isOurs ? 'in moepress itself' : `of ${other!.origin.package}`}.`,
        where: `${origin.package} ${origin.version}`,
        hint: 'Use one of the two packages, or ask its author for another name.',
      });
    }
    ofPlugins.set(budget.name, { budget, origin });
  }
}

/** Whether a budget of this name is known in this process. */
export const isKnownBudget = (name: string): boolean => budgetNames().includes(name);

/** A budget and its checked options. */
export interface ChosenBudget {
  readonly budget: Budget;
  readonly options: unknown;
}

/** Throws `OPTIONS_INVALID` for a budget that is not known, and for options that it does not take. */
export function chooseBudget(choice: BudgetChoice = 'uniform'): ChosenBudget {
  const { name, ...given } = typeof choice === 'string' ? { name: choice } : choice;
  const budget = own.find((one) => one.name === name) ?? ofPlugins.get(name)?.budget;
  if (budget) return { budget, options: optionsOf(budget, given) };
  const guess = suggest(name, budgetNames());
  throw new MoepressError('OPTIONS_INVALID', {
    message: `There is no budget "${name}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    where: 'options.budget',
    hint: `Pick from ${budgetNames().join(', ')}, or install a plugin that has it.`,
  });
}

function optionsOf(budget: Budget, given: object): unknown {
  try {
    return parseOptions({ name: `The budget ${budget.name}`, options: budget.options }, given);
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'OPTIONS_INVALID') throw error;
    const where = error.where?.replace(/^options/, 'options.budget');
    throw new MoepressError('OPTIONS_INVALID', { message: error.message, where, hint: error.hint });
  }
}
