import { type Compressor, MoepressError, optionsJsonSchema } from '@moepress/core';
import { type ConformanceOptions, frozen } from '../checks/check.js';
import { openToy, type ToyName, toyNames } from '../toys/open-toys.js';
import { decide, type Trial } from './trial.js';

/** A method on all toys; what was decided once is not asked for again. */
export class Trials {
  readonly compressor: Compressor;
  readonly #settings: ConformanceOptions;
  readonly #done = new Map<string, Promise<Trial | MoepressError>>();

  constructor(compressor: Compressor, settings: ConformanceOptions) {
    this.compressor = compressor;
    this.#settings = settings;
  }

  /** Whether the method has an option `ratio`; true where its schema does not tell its options. */
  get hasRatio(): boolean {
    const properties = optionsJsonSchema(this.compressor.options)?.properties;
    return properties === undefined || 'ratio' in (properties as object);
  }

  /** The options that the method is tried with. */
  given(ratio = this.#settings.ratio ?? 0.5): Readonly<Record<string, unknown>> {
    const own = this.#settings.options?.[this.compressor.name] ?? {};
    return { ...(this.hasRatio && { ratio }), seed: 0, ...own };
  }

  /** The trials on all toys that the method does not refuse; throws if it refuses all of them. */
  async accepted(ratio?: number): Promise<readonly [Trial, ...Trial[]]> {
    const trials: Trial[] = [];
    const reasons: string[] = [];
    for (const name of this.#names) {
      const one = await this.#on(name, ratio);
      if ('plan' in one) trials.push(one);
      else reasons.push(`${name}: ${one.message}`);
    }
    const [first, ...others] = trials;
    if (first) return [first, ...others];
    throw new Error(`${this.compressor.name} refuses every toy model. ${reasons.join(' ')}`);
  }

  /** That on the first toy that the method does not refuse. */
  async first(ratio?: number): Promise<Trial> {
    for (const name of this.#names) {
      const trial = await this.#on(name, ratio);
      if ('plan' in trial) return trial;
    }
    return (await this.accepted(ratio))[0];
  }

  get #names(): readonly ToyName[] {
    return this.#settings.models ?? toyNames;
  }

  /** The trial on a toy, or what the method refuses it with. */
  #on(toy: ToyName, ratio: number | undefined): Promise<Trial | MoepressError> {
    const key = `${toy} ${ratio}`;
    const known = this.#done.get(key) ?? this.#try(toy, ratio);
    this.#done.set(key, known);
    return known;
  }

  async #try(toy: ToyName, ratio: number | undefined): Promise<Trial | MoepressError> {
    const model = frozen(await openToy(toy));
    try {
      return await decide(this.compressor, { toy, model, given: this.given(ratio) });
    } catch (error) {
      // A method may refuse a kind of model, or an option, but for a fault of its own.
      if (MoepressError.isInstance(error) && error.code !== 'PLUGIN_INVALID') return error;
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`On the toy "${toy}": ${message}`, { cause: error });
    }
  }
}
