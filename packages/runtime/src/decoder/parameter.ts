import type { ParameterTensor, TensorExpr, Value } from '@moepress/core';
import type { GraphBuilder } from '@moepress/graph';

/** Name of a parameter's gradient, as an output of a graph and where the engine holds it. */
export const gradientOf = (parameter: string): string => `${parameter}/gradient`;

/** The input through which a graph that computes with a parameter is fed. */
export const parameterInput = (graph: GraphBuilder, { name, shape }: ParameterTensor): Value =>
  graph.input(name, 'float32', shape);

/** Those of some tensors that training changes, each once: a tied head is the embedding. */
export function parametersIn(tensors: readonly TensorExpr[]): ParameterTensor[] {
  const found = tensors.filter((tensor): tensor is ParameterTensor => tensor.kind === 'parameter');
  return [...new Map(found.map((parameter) => [parameter.name, parameter])).values()];
}
