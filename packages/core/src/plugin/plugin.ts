import type { Budget } from '../method/budgets/budget.js';
import type { Compressor } from '../method/compressor.js';
import type { Refiner } from '../method/refiner.js';
import type { Scorer } from '../method/scorer.js';
import type { Exporter } from './exporter.js';
import type { TextSet } from './text-set.js';

/**
 * What a package adds to moepress. Each list is of small objects that are checked when the package is loaded
 * (`checkPlugin`). Names of all but `name` are what users give.
 */
export interface Plugin {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each method has its own options; its schema checks them.
  readonly compressors?: readonly Compressor<any>[];
  /** Rankings of experts: each is a method that drops the lowest of every layer. */
  readonly scorers?: readonly Scorer[];
  // biome-ignore lint/suspicious/noExplicitAny: as for compressors.
  readonly refiners?: readonly Refiner<any>[];
  /** Divisions of what a ranking drops among the layers. */
  // biome-ignore lint/suspicious/noExplicitAny: as for compressors.
  readonly budgets?: readonly Budget<any>[];
  /** What `defineTask` of @moepress/harness makes, and groups of it. */
  readonly tasks?: readonly PluginTask[];
  /** Texts to measure or train on, by a name. */
  readonly calibrationSets?: readonly TextSet[];
  /** Formats that models are exported to. */
  readonly exporters?: readonly Exporter[];
  /** Manifests of @moepress/checkpoint, for families of models. */
  readonly architectures?: readonly PluginArchitecture[];
}

/**
 * A task or a group of tasks, of which core knows the name alone: @moepress/harness, which reads tasks, has their type
 * (`Task`, `TaskGroup`) and checks them when they are first asked for.
 */
export type PluginTask = { readonly task: string } | { readonly group: string };

/** The manifest of a family, which @moepress/checkpoint has the type of (`ArchitectureManifest`) and checks. */
export interface PluginArchitecture {
  /** `model_type` of the config.json of its checkpoints. */
  readonly modelType: string;
  readonly title: string;
}

/** Identity, for type inference: `export default definePlugin({ ... })`. */
export function definePlugin<P extends Plugin>(plugin: P): P {
  return plugin;
}
