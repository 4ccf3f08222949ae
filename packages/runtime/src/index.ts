export { Engine, type EngineOptions } from './engine/engine.js';
export type { TensorData } from './engine/protocol.js';
export { streamedBlocks, type BlockSessions } from './forward/blocks.js';
export { ResidentBlocks } from './forward/resident.js';
export { type Score, type ScoreItem, scoreSequences } from './forward/score.js';
export { type GenerateOptions, generateGreedy } from './forward/generate.js';
export { type LayerRouting, negativeLogLikelihoods, type Trace, traceSequences } from './forward/trace.js';
