import type { Budget } from '../method/budgets/budget.js';
import type { Compressor } from '../method/compressor.js';
import { dropLowest } from '../method/drop-lowest.js';
import type { Refiner } from '../method/refiner.js';
import type { Exporter } from './exporter.js';
import type { Plugin, PluginArchitecture, PluginTask } from './plugin.js';
import type { TextSet } from './text-set.js';

/** What a plugin provides, by kind: names in `"moepress": { "methods": [...] }` of its package.json. */
export interface Provided {
  readonly methods: Compressor;
  readonly refiners: Refiner;
  readonly budgets: Budget;
  readonly tasks: PluginTask;
  readonly calibrationSets: TextSet;
  readonly exporters: Exporter;
  readonly architectures: PluginArchitecture;
}

export type PluginKind = keyof Provided;

type Kinds = {
  readonly [Kind in PluginKind]: {
    /** What one of them is called. */
    readonly one: string;
    of(plugin: Plugin): readonly Provided[Kind][];
    nameOf(one: Provided[Kind]): string;
  };
};

const nameOf = ({ name }: { readonly name: string }): string => name;

export const pluginKinds: Kinds = {
  methods: {
    one: 'method',
    of: ({ compressors = [], scorers = [] }) => [...compressors, ...scorers.map(dropLowest)] as Compressor[],
    nameOf,
  },
  refiners: { one: 'refiner', of: ({ refiners = [] }) => refiners, nameOf },
  budgets: { one: 'budget', of: ({ budgets = [] }) => budgets, nameOf },
  tasks: {
    one: 'task',
    of: ({ tasks = [] }) => tasks,
    nameOf: (one) => ('group' in one ? one.group : one.task),
  },
  calibrationSets: { one: 'calibration set', of: ({ calibrationSets = [] }) => calibrationSets, nameOf },
  exporters: { one: 'exporter', of: ({ exporters = [] }) => exporters, nameOf },
  architectures: {
    one: 'architecture',
    of: ({ architectures = [] }) => architectures,
    nameOf: ({ modelType }) => modelType,
  },
};

export const kindsOfPlugins = Object.keys(pluginKinds) as readonly PluginKind[];

/** Names of all that a plugin provides, by kind. */
export function providedBy(plugin: Plugin): Record<PluginKind, string[]> {
  const names = <Kind extends PluginKind>(kind: Kind) =>
    pluginKinds[kind].of(plugin).map((one) => pluginKinds[kind].nameOf(one));
  return Object.fromEntries(kindsOfPlugins.map((kind) => [kind, names(kind)])) as Record<
    PluginKind,
    string[]
  >;
}
