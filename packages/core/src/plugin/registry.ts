import { MoepressError } from '../errors/error.js';
import { suggest } from '../errors/suggest.js';
import type { Compressor } from '../method/compressor.js';
import type { MethodOrigin } from '../plan/build.js';
import { guarded } from './guard.js';
import type { Plugin } from './plugin.js';

/** A method and the package it came from. */
export interface FoundMethod {
  readonly compressor: Compressor;
  readonly origin: MethodOrigin;
}

/** How packages are found: by the host, because resolution depends on where the program is installed. */
export interface PackageHost {
  /** The plugin packages known to be installed, with the methods their package.json declares. */
  installed(): Promise<readonly InstalledPlugin[]>;
  /** package.json and default export of a package; null if it is not installed. */
  load(packageName: string): Promise<{ readonly version: string; readonly plugin: unknown } | null>;
}

/** `"moepress": { "methods": ["conmoe"] }` in a plugin's package.json. */
export interface InstalledPlugin {
  readonly package: string;
  readonly methods: readonly string[];
}

/** `conmoe` is looked for as @moepress/plugin-conmoe, then moepress-plugin-conmoe; a full name as it stands. */
export function packageCandidates(name: string): string[] {
  if (name.startsWith('@') || name.includes('plugin-')) return [name];
  return [`@moepress/plugin-${name}`, `moepress-plugin-${name}`];
}

/** Finds methods by name and loads only the package that is asked for. */
export class PluginRegistry {
  readonly #host: PackageHost;

  constructor(host: PackageHost) {
    this.#host = host;
  }

  /** Names of all methods that installed packages declare, sorted. */
  async methods(): Promise<string[]> {
    const installed = await this.#host.installed();
    return [...new Set(installed.flatMap((plugin) => plugin.methods))].sort();
  }

  /**
   * `reap` finds the installed package that declares the method reap; `conmoe` finds the package of
   * that name; `some-package:method` names both. Throws `METHOD_UNKNOWN` with a suggestion, or
   * `PLUGIN_INVALID` if the package is no plugin.
   */
  async find(name: string): Promise<FoundMethod> {
    const colon = name.lastIndexOf(':');
    const method = name.slice(colon + 1);
    const packages = colon > 0 ? packageCandidates(name.slice(0, colon)) : await this.#packagesFor(method);
    for (const packageName of packages) {
      const loaded = await this.#host.load(packageName);
      if (!loaded) continue;
      const compressors = checkPlugin(loaded.plugin, packageName).compressors ?? [];
      const compressor =
        compressors.find((candidate) => candidate.name === method) ??
        (compressors.length === 1 && packageName === name ? compressors[0] : undefined);
      if (!compressor) continue;
      const origin = { package: packageName, version: loaded.version };
      return { compressor: guarded(compressor, origin), origin };
    }
    throw await this.#unknown(name);
  }

  async #packagesFor(method: string): Promise<string[]> {
    const installed = await this.#host.installed();
    const declaring = installed.filter((plugin) => plugin.methods.includes(method)).map((p) => p.package);
    return [...new Set([...declaring, ...packageCandidates(method)])];
  }

  async #unknown(name: string): Promise<MoepressError> {
    const known = await this.methods();
    const guess = suggest(name, known);
    return new MoepressError('METHOD_UNKNOWN', {
      message: `There is no method "${name}".${guess ? ` Did you mean "${guess}"?` : ''}`,
      where: '--method',
      mend: `Pick one of ${known.join(', ')}, or install ${packageCandidates(name).join(' or ')}.`,
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
  return undefined;
}
