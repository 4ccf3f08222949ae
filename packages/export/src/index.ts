export { checkFree } from './folder.js';
export {
  type ExpertLayout,
  type WriteCheckpointOptions,
  type WrittenCheckpoint,
  writeHuggingFace,
} from './huggingface/write.js';
