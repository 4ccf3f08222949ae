import type { Model } from '@moepress/core';
import type { EngineSupport } from '../engine-support.js';
import { genaiConfig } from './genai-config.js';

/** What each program makes of the graph of a view. */
export function onnxSupport(model: Model): EngineSupport[] {
  const all = ['ONNX Runtime', 'transformers.js'].map(
    (engine): EngineSupport => ({ engine, loads: 'exactly', reason: null }),
  );
  const isUniform = genaiConfig(model, 'fp32') !== null;
  return [
    ...all,
    {
      engine: 'ONNX Runtime GenAI',
      loads: isUniform ? 'exactly' : 'not',
      reason: isUniform
        ? null
        : 'It knows keys and values of one shape in all layers, and this model keeps something else.',
    },
  ];
}
