import { MoepressError } from '../errors/error.js';
import { suggest } from '../errors/suggest.js';
import type { MethodOrigin } from '../method/build-plan.js';
import type { Compressor } from '../method/compressor.js';
import type { Refiner } from '../method/refiner.js';
import { checkPlugin } from './check-plugin.js';
import { guarded, guardedRefiner } from './guard.js';
import { type PluginKind, type Provided, pluginKinds } from './plugin-kinds.js';

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
  /** A package that is known to provide something, whether it is installed or not; null if none is. */
  offering?(kind: PluginKind, name: string): string | null;
}

/** `"moepress": { "methods": ["cd-moe"], "refiners": ["cd-moe"] }` in a plugin's package.json: names by kind. */
export interface InstalledPlugin extends Readonly<Partial<Record<PluginKind, readonly string[]>>> {
  readonly package: string;
  readonly methods: readonly string[];
  readonly refiners: readonly string[];
}

/** Something of a plugin, and the package it came from. */
export interface Found<One> {
  readonly found: One;
  readonly origin: MethodOrigin;
}

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
    return this.names('methods');
  }

  /** Names of all of a kind that installed packages declare, sorted; no package is loaded. */
  async names(kind: PluginKind): Promise<string[]> {
    const installed = await this.#host.installed();
    return [...new Set(installed.flatMap((plugin) => plugin[kind] ?? []))].sort();
  }

  /**
   * `reap` finds the installed package that declares the method reap; `conmoe` finds the package of that name;
   * `some-package:method` names both. Throws `METHOD_UNKNOWN` with a suggestion, or `PLUGIN_INVALID` if the package
   * is not a plugin.
   */
  async find(name: string): Promise<FoundMethod> {
    const { found, origin } = await this.#demand('methods', name);
    return { compressor: guarded(found, origin), origin };
  }

  /** The same for refiners, which train a compressed model. */
  async findRefiner(name: string): Promise<FoundRefiner> {
    const { found, origin } = await this.#demand('refiners', name);
    return { refiner: guardedRefiner(found, origin), origin };
  }

  /**
   * What an installed package declares under a name of a kind, such as a task; null if none declares it. Only packages that
   * declare it are loaded. Throws `PLUGIN_INVALID` if one of them is not a plugin, or has nothing of that name.
   */
  async declared<Kind extends PluginKind>(kind: Kind, name: string): Promise<Found<Provided[Kind]> | null> {
    const declaring = await this.#declaring(kind, name);
    for (const packageName of declaring) {
      const found = await this.#in(packageName, kind, (one) => one === name);
      if (found) return found;
    }
    if (declaring.length === 0) return null;
    throw lacking(kind, name, declaring[0]!);
  }

  async #demand<Kind extends 'methods' | 'refiners'>(
    kind: Kind,
    name: string,
  ): Promise<Found<Provided[Kind]>> {
    const colon = name.lastIndexOf(':');
    const wanted = name.slice(colon + 1);
    const declaring = colon > 0 ? [] : await this.#declaring(kind, wanted);
    if (declaring.length > 1) throw ambiguous(kind, name, declaring);
    const candidates = packageCandidates(colon > 0 ? name.slice(0, colon) : wanted);
    for (const packageName of new Set([...declaring, ...candidates])) {
      const isWanted = (one: string, all: number) => one === wanted || (all === 1 && packageName === name);
      const found = await this.#in(packageName, kind, isWanted);
      if (found) return found;
    }
    throw declaring.length > 0 ? lacking(kind, name, declaring[0]!) : await this.#unknown(kind, name);
  }

  /** The first that is wanted of those of a package; null if there is none, or no such package. */
  async #in<Kind extends PluginKind>(
    packageName: string,
    kind: Kind,
    isWanted: (name: string, all: number) => boolean,
  ): Promise<Found<Provided[Kind]> | null> {
    const loaded = await this.#host.load(packageName);
    if (!loaded) return null;
    const { of, nameOf } = pluginKinds[kind];
    const all = of(checkPlugin(loaded.plugin, packageName));
    const found = all.find((one) => isWanted(nameOf(one), all.length));
    return found ? { found, origin: { package: packageName, version: loaded.version } } : null;
  }

  async #declaring(kind: PluginKind, name: string): Promise<string[]> {
    const installed = await this.#host.installed();
    return installed.filter((plugin) => plugin[kind]?.includes(name)).map((one) => one.package);
  }

  /** Names of packages are told only where they are known: anybody could publish one under a name that is made up. */
  #howToGet(kind: PluginKind, name: string, known: readonly string[]): string {
    const offering = this.#host.offering?.(kind, name) ?? null;
    if (offering !== null) return `Install the package that has it: npm install ${offering}`;
    if (known.length === 0) return 'No plugin is installed: install one that has it.';
    return `Pick one of ${known.join(', ')}, or install a plugin that has it.`;
  }

  async #unknown(kind: PluginKind, name: string): Promise<MoepressError> {
    const known = await this.names(kind);
    const guess = suggest(name, known);
    const { one } = pluginKinds[kind];
    return new MoepressError('METHOD_UNKNOWN', {
      message: `There is no ${one} "${name}".${guess ? ` Did you mean "${guess}"?` : ''}`,
      where: one,
      hint: this.#howToGet(kind, name, known),
    });
  }
}

/** A package that does not have what it declares. */
function lacking(kind: PluginKind, name: string, packageName: string): MoepressError {
  return new MoepressError('PLUGIN_INVALID', {
    message: `The package.json declares the ${pluginKinds[kind].one} "${name}" under ${kind}, and the plugin has none of that name.`,
    where: packageName,
    hint: 'Report this to the author of the plugin.',
  });
}

function ambiguous(kind: 'methods' | 'refiners', name: string, packages: readonly string[]): MoepressError {
  const { one } = pluginKinds[kind];
  return new MoepressError('METHOD_UNKNOWN', {
    message: `Several plugins have a ${one} "${name}": ${packages.join(', ')}.`,
    where: one,
    hint: `Say whose is meant: ${packages.map((packageName) => `${packageName}:${name}`).join(' or ')}.`,
  });
}
