import { type LayerEvidence, MoepressError, type Statistic } from '@moepress/core';
import { statisticOutput } from '../decoder/statistics.js';
import type { Results, TensorData } from '../engine/protocol.js';
import type { Sums } from '../evidence/layer-file.js';

/** Names of the outputs of some statistics of which the largest of all batches is taken instead of the sum. */
export const maximaOf = (statistics: readonly Statistic[]): ReadonlySet<string> =>
  new Set(
    statistics.flatMap((statistic) =>
      (statistic.maxima ?? []).map((name) => statisticOutput(statistic, name)),
    ),
  );

/** Sums of one layer, added up batch by batch in double precision, and maxima. */
export class LayerSums implements LayerEvidence {
  readonly layer: number;
  readonly #sums = new Map<string, Sums>();
  readonly #maxima: ReadonlySet<string>;

  constructor(layer: number, maxima: ReadonlySet<string> = new Set()) {
    this.layer = layer;
    this.#maxima = maxima;
  }

  /** Adds what one batch measured. Throws `PLUGIN_INVALID` for outputs that break the contract. */
  add(output: string, { dtype, dims, data }: TensorData): void {
    if (dtype !== 'float64') throw broken(output, `is ${dtype}, not float64`);
    const sums = this.#sums.get(output);
    if (!sums) {
      this.#sums.set(output, { dims, data: Float64Array.from(data as Float64Array) });
      return;
    }
    if (sums.data.length !== data.length) throw broken(output, 'changes its shape from batch to batch');
    const isMaximum = this.#maxima.has(output);
    for (const [i, value] of (data as Float64Array).entries()) {
      sums.data[i] = isMaximum ? Math.max(sums.data[i]!, value) : sums.data[i]! + value;
    }
  }

  /** Takes over what another pass measured in this layer. */
  merge(other: LayerSums): void {
    for (const [output, sums] of other.#sums) this.#sums.set(output, sums);
  }

  /** The sums of everything that was measured. */
  get names(): string[] {
    return [...this.#sums.keys()];
  }

  has(statistic: Statistic): boolean {
    return this.outputs(statistic).size > 0;
  }

  /** All outputs of a statistic, by the names it gave them. */
  outputs(statistic: Statistic): Map<string, Sums> {
    const prefix = statisticOutput(statistic, '');
    const own = [...this.#sums].filter(([name]) => name.startsWith(prefix));
    return new Map(own.map(([name, sums]) => [name.slice(prefix.length), sums]));
  }

  /** Takes over what an earlier run measured. */
  restore(statistic: Statistic, outputs: ReadonlyMap<string, Sums>): void {
    for (const [output, sums] of outputs) this.#sums.set(statisticOutput(statistic, output), sums);
  }

  read(statistic: Statistic, output: string): Float64Array {
    const name = statisticOutput(statistic, output);
    const sums = this.#sums.get(name);
    if (!sums) throw broken(name, `was not collected for layer ${this.layer}`);
    return sums.data.slice();
  }
}

/**
 * Adds up what batches measure as it comes, in the order of the batches, whichever worker was first: sums of floats
 * depend on it.
 */
export class OrderedSums {
  readonly sums: LayerSums;
  readonly #outputs: readonly string[];
  readonly #waiting = new Map<number, Results>();
  #next = 0;

  constructor(layer: number, outputs: readonly string[], statistics: readonly Statistic[]) {
    this.sums = new LayerSums(layer, maximaOf(statistics));
    this.#outputs = outputs;
  }

  /** What batch number `index` has measured, in one run or in several. */
  add(index: number, measured: Results): void {
    this.#waiting.set(index, measured);
    for (let ready = this.#take(); ready; ready = this.#take()) {
      for (const results of ready) {
        for (const output of this.#outputs) this.sums.add(output, results[output]!);
      }
    }
  }

  #take(): Results | undefined {
    const ready = this.#waiting.get(this.#next);
    if (ready && this.#waiting.delete(this.#next)) this.#next++;
    return ready;
  }
}

function broken(output: string, problem: string): MoepressError {
  return new MoepressError('PLUGIN_INVALID', {
    message: `The statistic output ${output} ${problem}.`,
    where: output,
    hint: 'Report this to the author of the statistic.',
  });
}
