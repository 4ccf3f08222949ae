import {
  applyPlan,
  buildPlan,
  type CompressionPlan,
  type Compressor,
  createRng,
  type Evidence,
  type LayerEvidence,
  type Model,
  parseOptions,
  type Statistic,
} from '@moepress/core';
import { calibrate, engineTools } from '@moepress/runtime';
import { frozen } from '../checks/check.js';
import { usualEngine } from '../toys/engines.js';
import { type ToyName, toyTexts } from '../toys/open-toys.js';

/** What a method decided for a toy. */
export interface Trial {
  readonly toy: ToyName;
  readonly model: Model;
  readonly options: { readonly ratio?: number | undefined; readonly seed: number };
  readonly needs: readonly Statistic[];
  readonly plan: CompressionPlan;
  readonly view: Model;
  /** Whether the numbers that the method was given are as they were. */
  readonly isEvidenceKept: boolean;
}

const origin = { package: 'testkit', version: '0.0.0' };

/** Lets a method decide as moepress does, on a model and options that cannot be written to. */
export async function decide(
  compressor: Compressor,
  { toy, model, given }: { readonly toy: ToyName; readonly model: Model; readonly given: object },
): Promise<Trial> {
  const options = frozen(parseOptions(compressor, given));
  const needs = compressor.needs(model, options);
  const copies = new Copies(needs.length > 0 ? await measuredOn(toy, model, needs) : null);
  const tools = engineTools(usualEngine(), async () => ({ model, sequences: toyTexts.sequences }));
  const rng = createRng(options.seed);
  const decision = await compressor.plan({ model, evidence: copies.evidence, options, rng, tools });
  const calibration = copies.evidence?.calibration ?? null;
  const plan = buildPlan({ model, compressor, origin, options, calibration, decision });
  const view = applyPlan(model, plan);
  return { toy, model, options, needs, plan, view, isEvidenceKept: copies.areKept };
}

const measured = new Map<string, Promise<Evidence>>();

/** Evidence of a toy, measured once for all methods that need the same. */
function measuredOn(toy: ToyName, model: Model, statistics: readonly Statistic[]): Promise<Evidence> {
  const key = [toy, ...statistics.map(({ name, version }) => `${name}@${version}`).sort()].join(' ');
  const known = measured.get(key) ?? calibrate(usualEngine(), { model, set: toyTexts, statistics });
  measured.set(key, known);
  return known;
}

/** Evidence whose every reading is a copy, which is compared with the original afterwards. */
class Copies {
  readonly evidence: Evidence | null;
  readonly #given: { readonly original: Float64Array; readonly copy: Float64Array }[] = [];

  constructor(evidence: Evidence | null) {
    this.evidence = evidence && {
      calibration: evidence.calibration,
      layers: evidence.layers.map((layer) => this.#copying(layer)),
      mlps: evidence.mlps.map((layer) => this.#copying(layer)),
      attention: evidence.attention.map((layer) => this.#copying(layer)),
    };
  }

  get areKept(): boolean {
    return this.#given.every(({ original, copy }) => original.every((value, i) => Object.is(value, copy[i])));
  }

  #copying(layer: LayerEvidence): LayerEvidence {
    return {
      layer: layer.layer,
      read: (statistic, output) => {
        const original = layer.read(statistic, output);
        const copy = original.slice();
        this.#given.push({ original, copy });
        return copy;
      },
    };
  }
}
