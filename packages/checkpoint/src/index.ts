export { architectures, findArchitecture, UnknownArchitecture } from './architectures/index.js';
export {
  type ArchitectureManifest,
  biasName,
  type ExpertNames,
  type FusedNames,
  type LatentNames,
  type MlpNames,
  mlpNames,
  type TensorNames,
  tensorName,
} from './architectures/manifest.js';
export { registerArchitectures } from './architectures/register.js';
export { denseLayers, layerParts } from './config/ffn.js';
export { type GenerationDefaults, generationDefaults, type TokenRules } from './config/generation.js';
export {
  asFamily,
  type Changes,
  quantityOf,
  withoutQuantisation,
  withQuantities,
} from './config/rewrite-config.js';
export { textConfig } from './config/text-config.js';
export {
  type Diagnosis,
  diagnoseCheckpoint,
  type FamilyMatch,
  type TensorKind,
} from './diagnose/diagnose.js';
export { type DigestedFiles, FileDigests } from './digest/file-digests.js';
export { anonymousMemory } from './files/anonymous.js';
export { cacheRoot } from './files/cache-root.js';
export { collectGarbage } from './files/collect.js';
export { asWriteError } from './files/file-errors.js';
export { answerWith, turns, writeAll } from './files/file-thread.js';
export { checkSpace, folderBytes, makeFolders } from './files/folders.js';
export { type HeldLock, lockDescriptor, type TakenLock, takeLock } from './files/lock.js';
export { BlockingFiles } from './files/open-files.js';
export { newPartial, replaceFile, sweepPartials } from './files/replace-file.js';
export { runFileThreads } from './files/run-file-threads.js';
export { deadTemporaries, makeTemporary, sweepTemporary, type TemporaryFolder } from './files/temporary.js';
export { isCompanion, type OwnFile, openOwnFile, ownCompanions, ownFile } from './folder/own-files.js';
export {
  defaultAlignment,
  type GgufValueType,
  ggufMagic,
  ggufTokenTypes,
  ggufValueTypes,
  ggufVersion,
  wholeTokenizerKey,
} from './gguf/format.js';
export type { GgufValue } from './gguf/gguf-cursor.js';
export type { GgufEntry, GgufHeader, GgufTensor } from './gguf/gguf-header.js';
export { type OpenedGguf, openGguf } from './gguf/model/open-gguf.js';
export { type GgufFile, readGguf } from './gguf/read-gguf.js';
export { type GgmlType, type GgmlTypeName, ggmlBytes, ggmlTypeOf, ggmlTypes } from './gguf/types.js';
export { nameTensors } from './model/block.js';
export {
  type CompactLayer,
  type CompactRecord,
  compactFormat,
  type DenseLayer,
  type DroppedParts,
  stockConfig,
} from './model/compact.js';
export { nameExperts, nameRagged } from './model/experts.js';
export { type LayerQuantity, layerKey, readLayerConfigs } from './model/layer-configs.js';
export { isGguf, type OpenOptions } from './model/locate.js';
export type { NamedFlat, NamedSingle, NamedStack, NamedTensor } from './model/named-tensor.js';
export { openModel } from './model/open.js';
export { describeUnread } from './model/tensor-source.js';
export { bounded, type Fetch, proxiedFetch } from './net/proxied-fetch.js';
export { contentOf, type FolderOutputOptions } from './output/claim-folder.js';
export { FileOutput, type FileOutputOptions } from './output/file-output.js';
export { createFolder, FolderOutput } from './output/folder-output.js';
export { checkWritable } from './output/place.js';
export { WorkFolder } from './output/work-folder.js';
export { holds, type WeightFormat, weightFormats } from './quantised/index.js';
export { stackedEntries } from './quantised/stacks.js';
export { arrayEntry, exprEntry, stackEntry, type TensorEntry } from './safetensors/file-layout.js';
export { OutputFile } from './safetensors/output.js';
export { readSafetensors, type SafetensorsFile } from './safetensors/read.js';
export { defaultShardBytes, planShards, type ShardPlan, writeShards } from './safetensors/shards.js';
export { type WriteOptions, writeSafetensors } from './safetensors/write.js';
export { writingBytes } from './safetensors/writing-memory.js';
export {
  encodeFloats,
  type FloatType,
  fromFloat32,
  hasNonFiniteBytes,
  isFloatType,
  toFloat32,
} from './tensor/float.js';
export { dequantiseBlocks } from './tensor/ggml-blocks.js';
export { bytesOf, decodeFloat32, hasNonFinite } from './tensor/read-tensor.js';
export { Reading } from './tensor/reading.js';
export type { ConfinedTokenizer } from './tokenizer/confined-tokenizer.js';
export { openTokenizer, readSpecialTokens } from './tokenizer/open-tokenizer.js';
export { tokenizerFiles } from './tokenizer/tokenizer-files.js';
export { describeTokenizer, type TokenizerDescription } from './tokenizer/tokenizer-json.js';
