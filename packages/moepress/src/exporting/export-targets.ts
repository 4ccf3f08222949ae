import type { ExportTarget } from './export-target.js';
import { ggufTarget } from './gguf-target.js';
import { huggingFaceTarget } from './hugging-face-target.js';
import { onnxTarget } from './onnx-target.js';

/** Every format that models are exported to, a line each. */
export const exportTargets: readonly ExportTarget[] = [ggufTarget, huggingFaceTarget, onnxTarget];

export const exportTargetNames: readonly string[] = exportTargets.map(({ name }) => name);
