export * from './bounded-lists.js';
export * from './errors/index.js';
export * from './events.js';
export * from './evidence/calibration.js';
export * from './evidence/evidence.js';
export * from './evidence/statistic.js';
export * from './evidence/symbolic.js';
export * from './method/budgets/budget.js';
export {
  type BudgetChoice,
  budgetNameOf,
  budgetNames,
  isKnownBudget,
  registerBudgets,
} from './method/budgets/known-budgets.js';
export * from './method/build-plan.js';
export * from './method/compressor.js';
export * from './method/drop-lowest.js';
export { checkDropping, type Dropping, runsOf, shareOf } from './method/droppable.js';
export * from './method/missed-ratio.js';
export {
  isOptionsSchema,
  type OptionsSchema,
  optionsJsonSchema,
  parseOptions,
} from './method/options-schema.js';
export * from './method/ranking.js';
export * from './method/refiner.js';
export * from './method/rng.js';
export * from './method/scorer.js';
export * from './method/super-experts.js';
export * from './method/tools.js';
export * from './method/training.js';
export * from './model/index.js';
export * from './plan/apply.js';
export {
  decodeChannels,
  decodeIndices,
  encodeChannels,
  encodeIndices,
  leastSlots,
} from './plan/operations/index.js';
export {
  canonicalJson,
  type LearnedFacts,
  parsePlan,
  planBase,
  planHash,
  withLearned,
} from './plan/plan-document.js';
export * from './plan/schema.js';
export { checkPlugin } from './plugin/check-plugin.js';
export * from './plugin/exporter.js';
export * from './plugin/plugin.js';
export {
  kindsOfPlugins,
  type PluginKind,
  type Provided,
  pluginKinds,
  providedBy,
} from './plugin/plugin-kinds.js';
export * from './plugin/registry.js';
export * from './plugin/text-set.js';
export * from './sha256.js';
export * from './tensor/index.js';
