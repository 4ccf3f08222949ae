import {
  applyLayers,
  type Block,
  type Criterion,
  type DecoderConfig,
  type Expert,
  type Model,
  type MoeBlock,
  type WeightedExpert,
} from '@moepress/core';
import { add, GraphBuilder, type GraphIR, timesNumber } from '@moepress/graph';
import { mlp } from '../../decoder/mlp.js';
import { distanceGraph } from '../distance.js';

/** One expert on all tokens: `ffnInput` [T, H] to `output` [T, H], as far as the block adds it to its input. */
export function expertGraph(expert: Expert, { hiddenSize, multipliers }: DecoderConfig): GraphIR {
  const graph = new GraphBuilder('replay.expert');
  const { output } = mlp(graph.input('ffnInput', 'float32', ['T', hiddenSize]), expert);
  const added = multipliers ? timesNumber(output, multipliers.residual) : output;
  graph.output('output', added, { onDevice: true });
  return graph.finish();
}

/** An expert added to what the layer's output is so far: `state` and `output` [T, H] to `sum`. */
export function addGraph(weight: number, hiddenSize: number): GraphIR {
  const graph = new GraphBuilder('replay.add');
  const [state, output] = ['state', 'output'].map((name) => graph.input(name, 'float32', ['T', hiddenSize]));
  graph.output('sum', add(state!, timesNumber(output!, weight)), { onDevice: true });
  return graph.finish();
}

/** The input of a trial that is the output of an expert of the pool. */
export const trialInput = (entry: number): string => `output.${entry}`;

/** `state` with each candidate alone added, against `reference`; `slots` lead from candidates to the pool. */
export function trialGraph(
  criterion: Criterion,
  candidates: readonly WeightedExpert[],
  slots: readonly number[],
  hiddenSize: number,
): GraphIR {
  return distanceGraph(criterion, hiddenSize, (rowsOf) => {
    const state = rowsOf('state');
    return {
      reference: rowsOf('reference'),
      candidates: candidates.map(({ expert, weight }) =>
        add(state, timesNumber(rowsOf(trialInput(slots[expert]!)), weight)),
      ),
    };
  });
}

/** How many states [T, H] of each batch exist at once, at most. */
export const replayStates = (blocks: readonly MoeBlock[]): number =>
  // Beside the experts' outputs: hidden states before and after the block, its state, what its experts see.
  4 + Math.max(0, ...blocks.map(({ ffn }) => ffn.pool.length));

/** The block without any routed expert. */
export function withoutExperts(model: Model, block: MoeBlock): Block {
  const ops = [{ op: 'condense' as const, parts: [], shared: null, align: 1 }];
  return applyLayers(model, [{ layer: block.index, ops }]).blocks[block.index]!;
}
