import { MoepressError } from '@moepress/core';
import { elementTypes, type GraphIR } from '@moepress/graph';
import { weightShare } from './gpu-memory.js';

/** A session, as far as its weights are concerned. */
interface Named {
  readonly name: string;
}

/** Keeps the weights of all open sessions within their share of a device's memory. */
export class WeightBudget {
  readonly #bytes: number;
  readonly #taken = new Map<Named, number>();

  constructor(gpuMemory: number) {
    this.#bytes = gpuMemory * weightShare;
  }

  /** Throws `ENGINE_FAILED` if there is no room for a session's weights in addition to those of others. */
  take(session: Named, graph: GraphIR): void {
    const bytes = weightBytes(graph);
    const others = [...this.#taken.values()].reduce((sum, n) => sum + n, 0);
    if (others + bytes > this.#bytes) throw tooLarge(session.name, bytes, others, this.#bytes);
    this.#taken.set(session, bytes);
  }

  giveBack(session: Named): void {
    this.#taken.delete(session);
  }
}

interface Weight {
  /** Equal for weights that are made of the same bytes in the same way: these stand in memory once. */
  readonly key: string;
  readonly numbers: number;
  readonly dtype: number;
}

/**
 * What a graph's weights take once they are converted: every value that is made of weights alone, as far as
 * anything else is computed from it on the device. Slices of one tensor count as all of it, once.
 */
export function weightBytes({ initializers, nodes }: GraphIR): number {
  const fixed = new Map<string, Weight | null>();
  for (const { name, shape, dtype, data } of initializers) {
    // A byte of MXFP4 holds two numbers.
    const numbers = shape.reduce((product, n) => product * n, dtype === 'uint8' ? 2 : 1);
    const isMapped = !(data instanceof Uint8Array);
    fixed.set(name, isMapped ? { key: name, numbers, dtype: elementTypes[dtype] } : null);
  }
  const used = new Map<string, number>();
  for (const { type, inputs, outputs, attributes, onHost } of nodes) {
    const given = inputs.filter((name) => name !== '');
    const weights = given.flatMap((name) => fixed.get(name) ?? []);
    if (given.every((name) => fixed.has(name))) {
      const key = JSON.stringify([type, attributes, weights.map((weight) => weight.key)]);
      const numbers = Math.max(...weights.map((weight) => weight.numbers));
      const dtype = type === 'Cast' ? Number(attributes.to) : weights[0]?.dtype;
      for (const output of outputs) fixed.set(output, dtype ? { key, numbers, dtype } : null);
    } else if (!onHost) {
      for (const { key, numbers, dtype } of weights) used.set(key, numbers * bytesOf(dtype));
    }
  }
  return [...used.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Weights that are used as they are stored take what numbers take that are computed with. */
const bytesOf = (dtype: number): number => (dtype === elementTypes.float16 ? 2 : 4);

function tooLarge(session: string, bytes: number, others: number, most: number): MoepressError {
  const told = (n: number) =>
    n < 2 ** 30 ? `${(n / 2 ** 20).toFixed(1)} MiB` : `${(n / 2 ** 30).toFixed(2)} GiB`;
  return new MoepressError('ENGINE_FAILED', {
    message: `The weights of ${session} take ${told(bytes)}${others > 0 ? ` in addition to ${told(others)} of others` : ''}; the device's memory has ${told(most)} for weights.`,
    where: 'gpuMemory',
    hint: 'Give it more with `gpuMemory`, of which half is for weights, or halve them with `precision` float16.',
  });
}
