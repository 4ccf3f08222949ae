import type { Criterion, Model } from '@moepress/core';
import { type GraphIR, rmsNorm, weight } from '@moepress/graph';
import { distanceGraph } from '../distance.js';

/** How far the states are from state 0 after the final norm. */
export function finalDistanceGraph(model: Model, criterion: Criterion, states: readonly number[]): GraphIR {
  const { hiddenSize, rmsNormEps } = model.config;
  return distanceGraph(criterion, hiddenSize, (rowsOf, graph) => {
    const normed = states.map((state) =>
      rmsNorm(rowsOf(`state.${state}`), weight(graph, model.finalNorm), rmsNormEps),
    );
    return { reference: normed[0]!, candidates: normed };
  });
}
