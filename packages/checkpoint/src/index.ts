export { architectures, findArchitecture } from './architectures/index.js';
export {
  type ArchitectureManifest,
  type ExpertNames,
  type FusedNames,
  type LatentNames,
  type MlpNames,
  type TensorNames,
  tensorName,
} from './architectures/manifest.js';
export { denseLayers } from './config/ffn.js';
export { type GenerationDefaults, generationDefaults, type TokenRules } from './config/generation.js';
export { asFamily, type Changes, quantityOf, withQuantities } from './config/write.js';
export { type DigestedFiles, FileDigests } from './digest/file-digests.js';
export { anonymousMemory } from './files/anonymous.js';
export { asWriteError } from './files/errors.js';
export { makeFolders } from './files/folders.js';
export { newPartial, sweepPartials } from './files/partial.js';
export { replaceFile } from './files/replace.js';
export { checkSpace, folderBytes } from './files/space.js';
export { deadTemporaries, makeTemporary, sweepTemporary, type TemporaryFolder } from './files/temporary.js';
export { isCompanion } from './folder/companions.js';
export { type OwnFile, openOwnFile, ownCompanions, ownFile } from './folder/own-files.js';
export { lockDescriptor } from './locks/kernel.js';
export { type HeldLock, type TakenLock, takeLock } from './locks/lock.js';
export { biasName } from './model/bias.js';
export {
  type CompactLayer,
  type CompactRecord,
  compactFormat,
  type DenseLayer,
  stockConfig,
} from './model/compact.js';
export type { OpenOptions } from './model/locate.js';
export { openModel } from './model/open.js';
export { type RaggedNames, raggedNames } from './model/ragged.js';
export { bounded } from './net/bounded.js';
export { type Fetch, proxiedFetch } from './net/fetch.js';
export type { FolderOutputOptions } from './output/claim-folder.js';
export { FileOutput, type FileOutputOptions } from './output/file.js';
export { createFolder, FolderOutput } from './output/folder.js';
export { checkWritable } from './output/place.js';
export { WorkFolder } from './output/work-folder.js';
export { arrayEntry, exprEntry, stackEntry, type TensorEntry } from './safetensors/layout.js';
export { readSafetensors, type SafetensorsFile } from './safetensors/read.js';
export { defaultShardBytes, planShards, type ShardPlan, writeShards } from './safetensors/shards.js';
export { type WriteOptions, writeSafetensors } from './safetensors/write.js';
export { type Likeness, type Survey, surveyCheckpoint, type TensorKind } from './survey/survey.js';
export { describeUnread } from './survey/unread.js';
export { bytesOf } from './tensor/bytes.js';
export { decodeFloat32, holdsNotFinite } from './tensor/decode.js';
export { fromFloat32 } from './tensor/float.js';
export type { ConfinedTokenizer } from './tokenizer/confined.js';
export { tokenizerFiles } from './tokenizer/files.js';
export { openTokenizer, readSpecialTokens } from './tokenizer/open.js';
