export { checkFree, createFolder } from './folder.js';
export { checkUnread } from './huggingface/carried.js';
export { type ExpertLayout, expertLayouts } from './huggingface/layout.js';
export { sizeAsWritten, type WrittenSize } from './huggingface/size.js';
export {
  type WriteCheckpointOptions,
  type WrittenCheckpoint,
  writeHuggingFace,
} from './huggingface/write.js';
