export { type AnswerStore, type ModelIdentity, openAnswerStore } from './answers/store.js';
export {
  type CalibrationOptions,
  loadCalibration,
  loadTraining,
} from './calibration/load.js';
export {
  type CalibrationPart,
  type CalibrationSource,
  calibrationForms,
  parseCalibration,
  renderCalibration,
} from './calibration/spec.js';
export { type BootstrapInterval, type BootstrapOptions, pairedBootstrap } from './compare/bootstrap.js';
export {
  type CompareOptions,
  type Comparison,
  compareSamples,
  fewDisagreements,
  type Samples,
} from './compare/compare.js';
export type { GroupMembers } from './compare/groups.js';
export { type McNemar, mcnemar } from './compare/mcnemar.js';
export { detectableDifference } from './compare/power.js';
export { scoreInterval } from './compare/score-interval.js';
export { renderComparisons } from './compare/table.js';
export type { Dataset, Row, Rows } from './datasets/dataset.js';
export { type DatasetOptions, type Datasets, openDatasets } from './datasets/open.js';
export { nestsTooDeep } from './datasets/yaml-depth.js';
export { type EvaluateOptions, evaluate } from './evaluate.js';
export type { TokenEngine } from './model/engine.js';
export type { LanguageModel, Prompt, ScoredPair, TextScore } from './model/language-model.js';
export { cutAnswer, stopDetector } from './model/stops.js';
export { type TokenizedModelOptions, tokenizedLanguageModel } from './model/tokenized.js';
export { type OpenAiModelOptions, openAiLanguageModel } from './openai/model.js';
export { floatRepr } from './python/json.js';
export { pythonSpace, rstrip } from './python/text.js';
export { renderHeading } from './results/heading.js';
export { loadGroups, loadSamples } from './results/load.js';
export type { ResultsRecord, TaskResult } from './results/record.js';
export { imitatedVersion } from './results/run.js';
export type { Sample } from './results/sample.js';
export { type Evaluation, saveEvaluation } from './results/save.js';
export { renderTable, type Tabulated } from './results/table.js';
export { groupsWithin, isGroup, leaves, type TaskGroup } from './tasks/group.js';
export { findTask, findTaskOrGroup, taskNames } from './tasks/registry.js';
export { defineTask, type Task, type TaskDefinition } from './tasks/schema.js';
export { column, computed, fixed, type Template, template } from './tasks/template.js';
export {
  type LoadedLanguageModel,
  type OnnxDtype,
  onnxDtypes,
  type TransformersJsOptions,
  transformersJsLanguageModel,
} from './transformers-js/model.js';
