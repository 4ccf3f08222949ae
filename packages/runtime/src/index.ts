export { type CalibrateOptions, type CalibrateRequest, calibrate } from './calibration/calibrate.js';
export { recordOf } from './calibration/set.js';
export {
  type Device,
  type DeviceChoice,
  type DeviceOptions,
  deviceChoices,
  devices,
  precisions,
} from './devices/device.js';
export { isPublished } from './devices/device-hint.js';
export { defaultGpuMemory } from './devices/gpu-memory.js';
export { Engine, type EngineOptions } from './engine/engine.js';
export type { TensorData } from './engine/protocol.js';
export { productSpeed, startDevice, unavailable } from './engine/start-device.js';
export { Turns } from './engine/turns.js';
export { type EngineSpan, engineSpans } from './engine/worker.js';
export {
  type ContentHash,
  knownWeightsDigest,
  modelIdentity,
  weightsDigest,
} from './evidence/identity.js';
export type { Leftover } from './evidence/lock.js';
export {
  type LayerReport,
  type MeasuredLayer,
  readMeasured,
  reportLayers,
} from './evidence/report.js';
export { defaultDigestsRoot, defaultEvidenceRoot, defaultRunsRoot } from './evidence/root.js';
export { EvidenceStore, readEvidence, type StoredEvidence } from './evidence/store.js';
export { isWriteError } from './evidence/write-error.js';
export type { ComparedToken, ComparingWork } from './forward/divergence.js';
export { sumScores, type TokenScore } from './forward/score.js';
export { type LayerRouting, negativeLogLikelihoods, type Trace } from './forward/trace.js';
export { traceModel } from './forward/trace-model.js';
export type { Choice, Chooser } from './generate/choose.js';
export type { SamplingOptions } from './generate/decoding.js';
export { defaultMemory, machineMemory } from './memory/available.js';
export { type PlanRequest, planCompression } from './planning/plan.js';
export { planInOrder } from './planning/plan-in-order.js';
export { type Refined, type RefineRequest, refineModel } from './planning/refine.js';
export { portableGraph } from './portable/portable-graph.js';
export { ModelRunner, type Residency, type RunnerOptions } from './runner.js';
export { engineTools } from './tools/engine-tools.js';
export { type TrainOptions, train } from './training/train.js';
export { clearRuns, unfinishedRuns } from './training/unfinished.js';
