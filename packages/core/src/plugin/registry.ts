import { MoepressError } from '../errors/error.js';
import { suggest } from '../errors/suggest.js';
import type { MethodOrigin } from '../method/build-plan.js';
import type { Compressor } from '../method/compressor.js';
import { dropLowest } from '../method/drop-lowest.js';
import type { Refiner } from '../method/refiner.js';
import { guarded, guardedRefiner } from './guard.js';
import type { Plugin } from './plugin.js';

/** A method and the package it came from. */
export interface FoundMethod {
  readonly compressor: Compressor;
  readonly origin: MethodOrigin;
}

export interface FoundRefiner {
  readonly refiner: Refiner;
  readonly origin: MethodOrigin;
}

/** How packages are found: by the host, because resolution depends on where the program is installed. */
export interface PackageHost {
  /** The plugin packages known to be installed, with the methods their package.json declares. */
  installed(): Promise<readonly InstalledPlugin[]>;
  /** package.json and default export of a package; null if it is not installed. */
  load(packageName: string): Promise<{ readonly version: string; readonly plugin: unknown } | null>;
}

/** `"moepress": { "methods": ["cd-moe"], "refiners": ["cd-moe"] }` in a plugin's package.json. */
export interface InstalledPlugin {
  readonly package: string;
  readonly methods: readonly string[];
  readonly refiners: readonly string[];
}

/** The kinds of things a plugin provides, in its package.json and in its default export. */
const kinds = {
  methods: {
    one: 'method',
    of: (plugin: Plugin) => [...(plugin.compressors ?? []), ...(plugin.scorers ?? []).map(dropLowest)],
  },
  refiners: { one: 'refiner', of: (plugin: Plugin) => plugin.refiners ?? [] },
} as const;

type Kind = keyof typeof kinds;

/** `conmoe` is looked for as @moepress/plugin-conmoe, then moepress-plugin-conmoe; a full name as it stands. */
export function packageCandidates(name: string): string[] {
  if (name.startsWith('@') || name.includes('plugin-')) return [name];
  return [`@moepress/plugin-${name}`, `moepress-plugin-${name}`];
}

/** Finds methods by name and loads only the requested package. */
export class PluginRegistry {
  readonly #host: PackageHost;

  constructor(host: PackageHost) {
    this.#host = host;
  }

  /** Names of all methods that installed packages declare, sorted. */
  methods(): Promise<string[]> {
    return this.#names('methods');
  }

  /**
   * `reap` finds the installed package that declares the method reap; `conmoe` finds the package of that name;
   * `some-package:method` names both. Throws `METHOD_UNKNOWN` with a suggestion, or `PLUGIN_INVALID` if the package
   * is not a plugin.
   */
  async find(name: string): Promise<FoundMethod> {
    const { found, origin } = await this.#find<Compressor>('methods', name);
    return { compressor: guarded(found, origin), origin };
  }

  /** The same for refiners, which train a compressed model. */
  async findRefiner(name: string): Promise<FoundRefiner> {
    const { found, origin } = await this.#find<Refiner>('refiners', name);
    return { refiner: guardedRefiner(found, origin), origin };
  }

  async #find<T extends { name: string }>(
    kind: Kind,
    name: string,
  ): Promise<{ found: T; origin: MethodOrigin }> {
    const colon = name.lastIndexOf(':');
    const wanted = name.slice(colon + 1);
    const packages =
      colon > 0 ? packageCandidates(name.slice(0, colon)) : await this.#packagesFor(kind, wanted);
    for (const packageName of packages) {
      const loaded = await this.#host.load(packageName);
      if (!loaded) continue;
      const all = kinds[kind].of(
        checkPlugin(loaded.plugin, packageName),
      ) as readonly unknown[] as readonly T[];
      const found =
        all.find((candidate) => candidate.name === wanted) ??
        (all.length === 1 && packageName === name ? all[0] : undefined);
      if (found) return { found, origin: { package: packageName, version: loaded.version } };
    }
    throw await this.#unknown(kind, name);
  }

  async #names(kind: Kind): Promise<string[]> {
    const installed = await this.#host.installed();
    return [...new Set(installed.flatMap((plugin) => plugin[kind]))].sort();
  }

  async #packagesFor(kind: Kind, name: string): Promise<string[]> {
    const installed = await this.#host.installed();
    const declaring = installed.filter((plugin) => plugin[kind].includes(name)).map((p) => p.package);
    return [...new Set([...declaring, ...packageCandidates(name)])];
  }

  async #unknown(kind: Kind, name: string): Promise<MoepressError> {
    const known = await this.#names(kind);
    const guess = suggest(name, known);
    const { one } = kinds[kind];
    return new MoepressError('METHOD_UNKNOWN', {
      message: `There is no ${one} "${name}".${guess ? ` Did you mean "${guess}"?` : ''}`,
      where: one,
      hint: `Pick one of ${known.join(', ')}, or install ${packageCandidates(name).join(' or ')}.`,
    });
  }
}

function checkPlugin(value: unknown, where: string): Plugin {
  const plugin = value as Partial<Plugin> | null | undefined;
  const problem = describeProblem(plugin);
  if (problem) throw new MoepressError('PLUGIN_INVALID', { message: problem, where });
  return plugin as Plugin;
}

function describeProblem(plugin: Partial<Plugin> | null | undefined): string | undefined {
  if (!plugin || typeof plugin !== 'object' || typeof plugin.name !== 'string') {
    return 'The package has no plugin as its default export.';
  }
  if (!Array.isArray(plugin.compressors ?? [])) return 'Its compressors are not a list.';
  for (const compressor of plugin.compressors ?? []) {
    if (compressor?.specVersion !== 1) {
      return `Method "${compressor?.name}" is of spec version ${compressor?.specVersion}; this moepress knows 1.`;
    }
    if (
      typeof compressor.plan !== 'function' ||
      typeof compressor.needs !== 'function' ||
      !compressor.options
    ) {
      return `Method "${compressor.name}" lacks plan(), needs() or options.`;
    }
  }
  if (!Array.isArray(plugin.scorers ?? [])) return 'Its scorers are not a list.';
  for (const scorer of plugin.scorers ?? []) {
    if (typeof scorer?.score !== 'function' || !Array.isArray(scorer.needs)) {
      return `Scorer "${scorer?.name}" lacks score() or needs.`;
    }
  }
  if (!Array.isArray(plugin.refiners ?? [])) return 'Its refiners are not a list.';
  for (const refiner of plugin.refiners ?? []) {
    if (refiner?.specVersion !== 1) {
      return `Refiner "${refiner?.name}" is of spec version ${refiner?.specVersion}; this moepress knows 1.`;
    }
    if (typeof refiner.refine !== 'function' || !refiner.options) {
      return `Refiner "${refiner.name}" lacks refine() or options.`;
    }
  }
  return undefined;
}
