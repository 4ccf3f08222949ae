import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kindsOfPlugins, type PluginKind } from '@moepress/core';

/** The part of a package.json that matters here; it comes from anyone, so nothing in it is certain. */
export type Manifest = Readonly<Record<string, unknown>>;

const pluginKeyword = 'moepress-plugin';

/** The package.json of a folder; undefined if there is none, or none that makes sense. */
export function readManifest(directory: string): Manifest | undefined {
  return readJson(join(directory, 'package.json'));
}

/** A JSON object; undefined if the file is absent or holds something else. */
export function readJson(file: string): Manifest | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(manifest) ? manifest : undefined;
  } catch {
    // A broken package is as good as none; looking for methods must not fail because of a stranger.
    return undefined;
  }
}

/** Names of all packages that a project depends on. */
export function dependenciesOf(manifest: Manifest | undefined): string[] {
  const fields = ['dependencies', 'optionalDependencies', 'devDependencies'];
  return fields.flatMap((field) => {
    const entries = manifest?.[field];
    return isRecord(entries) ? Object.keys(entries) : [];
  });
}

export function isPlugin(manifest: Manifest): boolean {
  const { keywords } = manifest;
  return isRecord(manifest.moepress) || (Array.isArray(keywords) && keywords.includes(pluginKeyword));
}

/** Names by kind, as in `"moepress": { "methods": ["conmoe"], "tasks": ["quiz"] }`. */
export type Declared = Readonly<Partial<Record<PluginKind, readonly string[]>>>;

/** What a package declares to provide; null if it says nothing of it. */
export function declaredIn({ moepress }: Manifest): Declared | null {
  if (!isRecord(moepress)) return null;
  const kinds = kindsOfPlugins.filter((kind) => Array.isArray(moepress[kind]));
  if (kinds.length === 0) return null;
  const names = (list: unknown) => (list as readonly unknown[]).filter((name) => typeof name === 'string');
  return Object.fromEntries(kinds.map((kind) => [kind, names(moepress[kind])]));
}

/** The method that a package is named after. */
export function methodNamedBy(name: string): string[] {
  const named = /(?:^moepress-|\/)plugin-(.+)$/.exec(name)?.[1];
  return named ? [named] : [];
}

export const isPackage = (directory: string): boolean => existsSync(join(directory, 'package.json'));

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
