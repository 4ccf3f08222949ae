export { type EngineSupport, isLoaded, type Loading } from './engine-support.js';
export { llamaCppSupport } from './engines/llama-cpp-engines.js';
export { type GgufTypeChoice, ggufTypes } from './gguf/file/choose-type.js';
export type { GgufMetadata } from './gguf/file/metadata.js';
export type { Importance, TensorImportance } from './gguf/importance/importance.js';
export { ownImportanceKey } from './gguf/importance/importance-format.js';
export { type LayerSquares, namedImportance } from './gguf/importance/measured-importance.js';
export { readImportance } from './gguf/importance/read-importance.js';
export { type WriteImportanceOptions, writeImportance } from './gguf/importance/write-importance.js';
export { ggufPartsOf, planSlice, type SlicePlan } from './gguf/slice/slice-plan.js';
export { writeSlice } from './gguf/slice/write-slice.js';
export { copiedTokenizer } from './gguf/tokenizer/copied-tokenizer.js';
export { type GgufTokenizer, ggufTokenizer } from './gguf/tokenizer/tokenizer-metadata.js';
export { type GgufPlan, ownKey, planGguf, type WriteGgufOptions, writeGguf } from './gguf/write-gguf.js';
export { checkUnread } from './huggingface/carried.js';
export { checkCounts } from './huggingface/check-counts.js';
export { checkCompanions } from './huggingface/companions.js';
export { huggingFaceSupport } from './huggingface/engines.js';
export { type ExpertLayout, expertLayouts } from './huggingface/layout.js';
export {
  describePrediction,
  type PredictionChoice,
  type PredictionLayers,
  predictionChoices,
} from './huggingface/prediction.js';
export { type QuantiseChoice, quantiseChoices } from './huggingface/quantise-scheme.js';
export { sizeAsWritten, type WrittenSize } from './huggingface/size.js';
export {
  type WriteCheckpointOptions,
  type WrittenCheckpoint,
  writeHuggingFace,
} from './huggingface/write.js';
export { onnxSupport } from './onnx/onnx-engines.js';
export {
  type CarryingGraph,
  onnxBytes,
  type WriteOnnxOptions,
  type WrittenOnnx,
  writeOnnx,
} from './onnx/write-onnx.js';
