export { LlamaEngine, type LlamaGenerateOptions, type LlamaOptions } from './llama-engine.js';
export type { Drawn, EngineFacts, GpuChoice } from './messages.js';
