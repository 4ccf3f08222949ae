export {
  type CalibrationOptions,
  type CalibrationSequences,
  loadCalibration,
} from './calibration/load.js';
export {
  type CalibrationPart,
  type CalibrationSource,
  calibrationForms,
  parseCalibration,
  renderCalibration,
} from './calibration/spec.js';
export type { Dataset, Row, Rows } from './datasets/dataset.js';
export { type DatasetOptions, type Datasets, openDatasets } from './datasets/open.js';
export { type EvaluateOptions, evaluate } from './evaluate.js';
export type { GenerateOptions, TokenEngine } from './model/engine.js';
export type { LanguageModel, PairScore, Prompt, ScoredPair, TextScore } from './model/language-model.js';
export { type TokenizedModelOptions, tokenizedLanguageModel } from './model/tokenized.js';
export type { ScoredIds } from './model/windows.js';
export { imitatedVersion, type ResultsRecord, type TaskResult } from './results/record.js';
export type { Sample } from './results/sample.js';
export { type Evaluation, saveEvaluation } from './results/save.js';
export { renderTable, type Tabulated } from './results/table.js';
export { findTask, taskNames } from './tasks/registry.js';
export { defineTask, type Task, type TaskDefinition } from './tasks/schema.js';
export { computed, type Template, template } from './tasks/template.js';
