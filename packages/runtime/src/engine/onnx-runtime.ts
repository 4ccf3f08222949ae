import { createRequire } from 'node:module';
import type * as OnnxRuntime from 'onnxruntime-common';
import { findOnnxRuntime } from '../devices/find-onnx-runtime.js';

/** ONNX Runtime in this thread: `require`, because its package may be one of several. */
export const { env, InferenceSession, Tensor } = load();
export type Tensor = OnnxRuntime.Tensor;

function load(): typeof OnnxRuntime {
  const path = findOnnxRuntime();
  try {
    return createRequire(import.meta.url)(path);
  } catch (error) {
    throw new Error(`cannot be loaded from ${path}: ${(error as Error).message}`);
  }
}
