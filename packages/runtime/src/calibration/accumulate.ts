import { type LayerEvidence, MoepressError, type Statistic } from '@moepress/core';
import { statisticOutput } from '../decoder/statistics.js';
import type { TensorData } from '../engine/protocol.js';
import type { Sums } from '../evidence/layer-file.js';

/** Sums of one layer, added up batch by batch in double precision. */
export class LayerSums implements LayerEvidence {
  readonly layer: number;
  readonly #sums = new Map<string, Sums>();

  constructor(layer: number) {
    this.layer = layer;
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
    for (const [i, value] of (data as Float64Array).entries()) sums.data[i]! += value;
  }

  /** Takes over what another pass measured in this layer. */
  merge(other: LayerSums): void {
    for (const [output, sums] of other.#sums) this.#sums.set(output, sums);
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

function broken(output: string, problem: string): MoepressError {
  return new MoepressError('PLUGIN_INVALID', {
    message: `The statistic output ${output} ${problem}.`,
    where: output,
    mend: 'Report this to the author of the statistic.',
  });
}
