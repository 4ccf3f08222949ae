import type { CarriedType } from '@moepress/graph';

/** How transformers.js names the file of a graph by the type of its weights, in the folder `onnx`. */
export const graphNames: Readonly<Record<CarriedType, string>> = {
  fp32: 'model.onnx',
  fp16: 'model_fp16.onnx',
  q4: 'model_q4.onnx',
};

/** The folder of the graph, by the same convention. */
export const graphFolder = 'onnx';
