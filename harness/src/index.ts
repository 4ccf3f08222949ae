export {
  type CalibrationPart,
  type CalibrationSource,
  type ConversationReading,
  calibrationForms,
  parseCalibration,
  renderCalibration,
} from './calibration/calibration-spec.js';
export { namedSetNames } from './calibration/calibration-texts.js';
export {
  type CalibrationOptions,
  loadCalibration,
  loadTraining,
  type OpenedTemplate,
} from './calibration/load-calibration.js';
export { announceTextSets, hasTextSet, registerTextSets, textSetNames } from './calibration/text-sets.js';
export { applyChatTemplate, type ChatTemplate } from './chat/chat-template.js';
export type { ChatMessage } from './chat/messages.js';
export {
  type CompareOptions,
  type Comparison,
  compareSamples,
  fewDisagreements,
  type Samples,
} from './compare/compare-samples.js';
export { renderComparisons } from './compare/comparison-table.js';
export {
  type BootstrapInterval,
  type BootstrapOptions,
  detectableDifference,
  type McNemar,
  mcnemar,
  pairedBootstrap,
  scoreInterval,
} from './compare/paired-statistics.js';
export type { Dataset, Row, Rows } from './datasets/dataset.js';
export { matchesGlob } from './datasets/glob.js';
export { type DatasetOptions, type Datasets, openDatasets } from './datasets/open.js';
export { isDeeper, nestsTooDeep } from './datasets/yaml-depth.js';
export { type EvaluateOptions, evaluate } from './evaluate.js';
export { prepareTask } from './evaluation/prepare-task.js';
export { type ModelIdentity, openResponseCache, type ResponseCache } from './evaluation/response-cache.js';
export { type ConfinedTemplate, confineTemplate } from './jinja/confined.js';
export { TemplateError, TooManySteps } from './jinja/index.js';
export type {
  ComparedScore,
  LanguageModel,
  Prompt,
  ScoredPair,
  TextScore,
  TokenEngine,
  TokenMovement,
} from './model/language-model.js';
export { cutAnswer, stopDetector } from './model/stops.js';
export { type TokenizedModelOptions, tokenizedLanguageModel } from './model/tokenized.js';
export type { Movement, Movements } from './movement/movement.js';
export { type OpenAiModelOptions, openAiLanguageModel } from './openai/openai-model.js';
export type { ChatOptions, PromptOptions } from './requests/prompts.js';
export { type GroupMembers, tasksOfGroups } from './results/group-members.js';
export type { ResultsRecord, TaskResult } from './results/record.js';
export { type Evaluation, loadGroups, loadSamples, saveEvaluation } from './results/results-files.js';
export { renderHeading, renderTable, type Tabulated } from './results/results-table.js';
export { imitatedVersion } from './results/run-record.js';
export type { Sample } from './results/sample.js';
export { findTasks, openTasks, type TaskSources, type Tasks } from './task-files/open-tasks.js';
export { refusalReason } from './task-files/refusals.js';
export type { TaskEntry } from './task-files/task-folder.js';
export { registerTasks } from './tasks/register-tasks.js';
export {
  announceTasks,
  findKnown,
  findTask,
  findTaskOrGroup,
  knownNames,
  taskNames,
} from './tasks/registry.js';
export { groupsWithin, isGroup, leaves, type TaskGroup } from './tasks/task-group.js';
export { defineTask, type Task, type TaskDefinition } from './tasks/task-schema.js';
export { column, computed, fixed, type Template, template } from './tasks/template.js';
export {
  type LoadedLanguageModel,
  type OnnxDtype,
  onnxDtypes,
  type TransformersJsOptions,
  transformersJsLanguageModel,
} from './transformers-js/transformers-js-model.js';
