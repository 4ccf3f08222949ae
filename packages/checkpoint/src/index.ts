export { architectures, findArchitecture } from './architectures/index.js';
export {
  type ArchitectureManifest,
  type MlpNames,
  type TensorNames,
  tensorName,
} from './architectures/manifest.js';
export { type CompactLayer, type CompactRecord, compactFormat } from './model/compact.js';
export { type OpenOptions, openModel } from './model/open.js';
export { readSafetensors, type SafetensorsFile } from './safetensors/read.js';
export { bytesOf } from './tensor/bytes.js';
export { decodeFloat32, holdsNotFinite } from './tensor/decode.js';
export { openTokenizer } from './tokenizer.js';
