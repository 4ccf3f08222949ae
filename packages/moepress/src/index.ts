/** The exports of npm `moepress`. Nothing here prints or reads the command line; the command is built on it. */
export {
  type CompressionPlan,
  type Compressor,
  definePlugin,
  type ErrorCode,
  type Evidence,
  type Model,
  MoepressError,
  type Plugin,
  type Progress,
  type ProgressEvent,
  planHash,
  type Refiner,
  type Statistic,
} from '@moepress/core';
export type { ExpertLayout } from '@moepress/export';
export { type Comparison, defineTask, type Sample, type Task, type TaskDefinition } from '@moepress/harness';
export {
  type CompressAllOptions,
  type CompressOptions,
  compress,
  compressAll,
  type MethodChoice,
} from './compress.js';
export { type Diagnosis, diagnoseDevices } from './devices/diagnose-devices.js';
export type { Estimate, EstimatedPhase } from './estimate/estimate.js';
export { estimateWrite } from './estimate/estimate-apply.js';
export { estimateCompress } from './estimate/estimate-compress.js';
export { estimateEvaluate } from './estimate/estimate-evaluate.js';
export { type EvaluateOptions, type Evaluation, evaluate, type Questions } from './evaluate.js';
export type { Backend } from './evaluation/backend.js';
export type { RecipeInput } from './experiments/leaderboard/recipe.js';
export {
  type Board,
  type LeaderboardOptions,
  runLeaderboard,
} from './experiments/leaderboard/run-leaderboard.js';
export {
  type ListedJob,
  listRecipeJobs,
  type RunRecipeOptions,
  type RunRecipeResult,
  runRecipe,
} from './experiments/run/run-recipe.js';
export type { RunRecipeInput } from './experiments/run/run-recipe-schema.js';
export type { GridInput } from './experiments/sweep/grid.js';
export { runSweep, type SweepOptions, type SweepTable } from './experiments/sweep/run-sweep.js';
export {
  type DescribeExportOptions,
  describeExport,
  type ExportedModel,
  type ExportModelOptions,
  type ExportOutlook,
  exportModel,
} from './export-model.js';
export { type InspectedModel, type InspectOptions, inspectModel } from './inspect.js';
export type { ModelReport } from './inspection/model-report.js';
export {
  type FoundTask,
  type FoundTasks,
  type ListedFamily,
  type ListedMethod,
  type ListedTask,
  listFamilies,
  listMethods,
  listTasks,
  searchTasks,
  type TaskSearch,
} from './lists.js';
export { type DescribedMethod, type DescribedOption, describeMethods } from './methods/describe-methods.js';
export type { CalibrationInput, TextsInput } from './models/model-data.js';
export { type ModelInput, type OpenModelOptions, openModel } from './models/open-model.js';
export type { CacheOption, ComputeOptions, PluginsOption, WorkOptions } from './options.js';
export { applyPlan, type PlanFile, type PlanInput, readPlan } from './plans/plan-file.js';
export type { RefinedPlan } from './plans/write-plan.js';
export { type WritePlanOptions, writePlan } from './plans/write-plan.js';
export { type RefineOptions, refine } from './refine.js';
export {
  type CompareOptions,
  compareResults,
  type LoadedResults,
  loadResults,
  saveResults,
} from './results/results.js';
export { type CreateServerOptions, createServer, type LocalServer } from './serve/create-server.js';
export { ModelSession, type OpenSessionOptions, openSession } from './session.js';
export { type ChannelsOptions, type ChannelsReport, measureChannels } from './statistics/measure-channels.js';
export { type WriteCheckpointOptions, type WrittenCheckpoint, writeCheckpoint } from './write-checkpoint.js';
