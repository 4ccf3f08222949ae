import { definePlugin, means, type Scorer, type Statistic } from '@moepress/core';
import { cast, concat, expertHits, reduceL2, reduceSum, unsqueeze } from '@moepress/graph';

/** `sum` [pool]: ||f(x)||_2 over the tokens routed to each expert. */
const outputNorms: Statistic = {
  name: 'example-name-output-norms',
  version: 1,
  pass: 'forward',
  collect: (_graph, { experts }) => ({
    sum: concat(
      experts.map(({ output }) => unsqueeze(reduceSum(cast(reduceL2(output, [1]), 'float64'), [0]), 0)),
      0,
    ),
  }),
};

/** Scores an expert by the mean length of its outputs: the lowest experts of each layer are dropped. */
export const exampleName: Scorer = {
  name: 'example-name',
  title: 'Example name: keep the experts with the longest outputs',
  reference: 'none: an example',
  needs: [expertHits, outputNorms],
  score: (layer) => means(layer.read(outputNorms, 'sum'), layer.read(expertHits, 'count')),
};

export default definePlugin({ name: 'example-name', scorers: [exampleName] });
