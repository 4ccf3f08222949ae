import { MoepressError } from '@moepress/core';
import type { Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import { type FamilyConfig, readFamilyConfig } from '../config/family.js';
import { type Changes, withQuantities } from '../config/rewrite-config.js';
import type { JsonObject } from '../folder/json.js';
import { type CompactLayer, stockConfig } from './compact.js';

/** What layers of the compact layout may have otherwise than config.json says for all. */
const ofLayers = ['experts', 'topK', 'groups', 'selectedGroups'] as const satisfies readonly Quantity[];

/** A quantity that single layers may have otherwise. */
export type LayerQuantity = (typeof ofLayers)[number];

/**
 * The settings of each layer that has some of its own, by its index. Throws what `readFamilyConfig` throws, and
 * `CONFIG_UNSUPPORTED` for settings that layers cannot have of their own.
 */
export function readLayerConfigs(
  raw: JsonObject,
  layers: readonly Pick<CompactLayer, 'layer' | 'config'>[],
  { manifest, file }: { readonly manifest: ArchitectureManifest; readonly file: string },
): ReadonlyMap<number, FamilyConfig> {
  const own = layers.flatMap(({ layer, config }) => (config ? [{ layer, config }] : []));
  return new Map(
    own.map(({ layer, config }) => {
      const where = `${file}: moepress, layer ${layer}`;
      const changes = changesOf(config, manifest, where);
      const changed = withQuantities(stockConfig(raw, manifest), manifest, changes);
      return [layer, readFamilyConfig(changed, null, manifest, where)];
    }),
  );
}

/** The key by which a family's config.json states such a quantity. */
export function layerKey({ keys }: ArchitectureManifest, quantity: LayerQuantity): string {
  const rule = keys[quantity]!;
  return rule.written ?? rule.names[0];
}

function changesOf(
  config: Readonly<Record<string, number>>,
  manifest: ArchitectureManifest,
  where: string,
): Changes {
  const known = new Map(
    ofLayers.flatMap((quantity) =>
      manifest.keys[quantity] ? [[layerKey(manifest, quantity), quantity] as const] : [],
    ),
  );
  const changes = Object.entries(config).map(([name, value]) => {
    const quantity = known.get(name);
    if (quantity) return [quantity, value] as const;
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `"${name}" cannot be a setting of one layer; only ${[...known.keys()].join(', ')} can.`,
      where,
    });
  });
  return Object.fromEntries(changes);
}
