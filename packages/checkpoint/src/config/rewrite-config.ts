import type { ConfigValue, FamilyKeys, Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { readWindows } from './attention-config.js';
import { patternOfTypes } from './layer-pattern.js';
import { KeyReader } from './reader.js';
import { readTheta } from './rope.js';
import { textConfig, withTextConfig } from './text-config.js';

/** The changes to a config.json, by quantity. */
export type Changes = Readonly<Partial<Record<Quantity, ConfigValue>>>;

/** config.json with quantities set, each under one name: another that means the same would prevail over it, or lie. */
export function withQuantities(
  raw: JsonObject,
  manifest: ArchitectureManifest,
  changes: Changes,
): JsonObject {
  const { tied, ...inner } = changes;
  const changed = withTextConfig(raw, manifest, (config) => changedBy(config, manifest, inner));
  // A wrapper has this one of its own, which prevails.
  return tied === undefined ? changed : changedBy(changed, manifest, { tied });
}

function changedBy(raw: JsonObject, { keys }: ArchitectureManifest, changes: Changes): JsonObject {
  let config: JsonObject = raw;
  for (const [quantity, value] of Object.entries(changes) as [Quantity, ConfigValue][]) {
    const rule = keys[quantity];
    if (!rule) throw new Error(`The family has no key for ${quantity}.`);
    const name = rule.written ?? rule.names[0];
    config = { ...without(config, rule.names), [name]: value };
  }
  const pattern = keys.layerPattern?.names[0];
  if (changes.layerTypes !== undefined && pattern !== undefined && raw[pattern] !== undefined) {
    config = { ...config, [pattern]: patternOfTypes(changes.layerTypes as string[]) };
  }
  // The width that is written is the one that is meant.
  if (changes.denseWidth !== undefined && keys.adjustsWidth) {
    config = { ...config, [keys.adjustsWidth.names[0]]: false };
  }
  return config;
}

/** config.json without what it says of quantised weights, in a wrapper and in what that wraps. */
export function withoutQuantisation(raw: JsonObject, manifest: ArchitectureManifest): JsonObject {
  const plain = (config: JsonObject) => without(config, manifest.keys.quantisation.names);
  return withTextConfig(plain(raw), manifest, plain);
}

/** A value of config.json, or its default; undefined if the family does not read it. */
export function quantityOf(raw: JsonObject, manifest: ArchitectureManifest, quantity: Quantity): unknown {
  const text = textConfig(raw, manifest, 'config.json');
  const reader = new KeyReader<Quantity>(text, manifest.keys, 'config.json');
  return reader.reads(quantity) ? reader.value(quantity) : undefined;
}

/**
 * config.json of a model of the family `from` as one of the family `to`, which computes the same attention: without
 * keys that only the former reads, and with every value written out that is another where the latter finds no key.
 * Null if `to` has no words for the windows. Throws what `readFamilyConfig` throws.
 */
export function asFamily(
  raw: JsonObject,
  from: ArchitectureManifest,
  to: ArchitectureManifest,
): JsonObject | null {
  const before = new KeyReader<Quantity>(raw, from.keys, 'config.json');
  const known = new Set(namesIn(to.keys));
  const own = [...namesIn(from.keys), ...Object.keys(from.fixed ?? {})].filter((name) => !known.has(name));
  const kept = without(raw, own);
  const after = new KeyReader<Quantity>(kept, to.keys, 'config.json');
  const other = sharedQuantities(from, to).filter(
    (quantity) => JSON.stringify(before.value(quantity)) !== JSON.stringify(after.value(quantity)),
  );
  const written = other.map((quantity) => [quantity, before.value(quantity)]);
  const named = { ...kept, model_type: to.modelType, architectures: [to.className] };
  return withWindows(
    withTheta(withQuantities(named, to, Object.fromEntries(written)), before, to),
    before,
    from,
    to,
  );
}

const namesIn = (keys: FamilyKeys): string[] => Object.values(keys).flatMap(({ names }) => names);

/** Rotations are compared as wholes. */
const sharedQuantities = ({ keys: from }: ArchitectureManifest, { keys: to }: ArchitectureManifest) =>
  (Object.keys(to) as Quantity[]).filter((quantity) => from[quantity] && quantity !== 'ropeTheta');

function withTheta(config: JsonObject, before: KeyReader<Quantity>, to: ArchitectureManifest): JsonObject {
  const theta = readTheta(before);
  const same = readTheta(new KeyReader<Quantity>(config, to.keys, 'config.json')) === theta;
  return same ? config : withQuantities(config, to, { ropeTheta: theta });
}

function withWindows(
  config: JsonObject,
  before: KeyReader<Quantity>,
  from: ArchitectureManifest,
  to: ArchitectureManifest,
): JsonObject | null {
  if (from.attention.kind !== 'gqa' || to.attention.kind !== 'gqa') return config;
  const windows = readWindows(before, from.attention.windows, from.recurrence);
  const rule = to.attention.windows;
  const found = readWindows(new KeyReader<Quantity>(config, to.keys, 'config.json'), rule, to.recurrence);
  if (found.every((window, layer) => window === windows[layer])) return config;
  if (!to.keys.windowLayers) return null;
  return withQuantities(config, to, {
    usesWindow: true,
    slidingWindow: windows.find((window) => window !== null) ?? null,
    layerTypes: windows.map((window) => (window === null ? 'full_attention' : 'sliding_attention')),
  });
}

function without(raw: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(raw).filter(([name]) => !names.includes(name)));
}
