import {
  type ArchitectureManifest,
  type Changes,
  type LayerQuantity,
  layerKey,
  quantityOf,
  readLayerConfigs,
} from '@moepress/checkpoint';
import { type Model, type MoeBlock, type MoeFfn, MoepressError, moeBlocks } from '@moepress/core';

type Config = Readonly<Record<string, unknown>>;

/** What config.json says of routers: of all, and of layers that have it otherwise. */
export interface RouterSettings {
  readonly common: Changes;
  /** Whether any router selects another number of experts, or layers differ. */
  readonly differ: boolean;
  /** By the index of the layer, under the names that its keys have in config.json. */
  readonly ofLayers: ReadonlyMap<number, Readonly<Record<string, number>>>;
}

/** The settings of the routers of a view, where the first of the widest tells what is said of all. */
export function routerSettings(
  model: Model,
  manifest: ArchitectureManifest,
  original: Config,
): RouterSettings {
  const blocks = moeBlocks(model);
  const widest = blocks.reduce<MoeBlock | undefined>(
    (found, block) => (block.ffn.slots.length > (found?.ffn.slots.length ?? 0) ? block : found),
    undefined,
  );
  if (!widest) return { common: {}, differ: false, ofLayers: new Map() };
  const common = settingsOf(widest.ffn, manifest, original);
  const own = blocks.flatMap(({ index, ffn }) => {
    const other = Object.entries(settingsOf(ffn, manifest, original)).filter(
      ([quantity, value]) => value !== common[quantity as LayerQuantity],
    ) as [LayerQuantity, number][];
    const named = other.map(([quantity, value]) => [layerKey(manifest, quantity), value] as const);
    return named.length > 0 ? [[index, Object.fromEntries(named)] as const] : [];
  });
  const changes = changed(common, manifest, original);
  // A family may have no place for a bias of the selection.
  const shifted = blocks.some(({ ffn }) => ffn.router.selectionBias !== null);
  const differ = shifted || own.length > 0 || changes.topK !== undefined;
  return { common: changes, differ, ofLayers: new Map(own) };
}

type Settings = Partial<Record<LayerQuantity, number>>;

function settingsOf(ffn: MoeFfn, manifest: ArchitectureManifest, original: Config): Settings {
  return {
    experts: ffn.slots.length,
    ...(manifest.keys.topK && { topK: selects(ffn, manifest, original) }),
    ...groupsOf(ffn, manifest, original),
  };
}

/** As the original says it where that comes to the same: it may be more than the best groups have. */
function selects({ router, slots }: MoeFfn, manifest: ArchitectureManifest, original: Config): number {
  const told = quantityOf(original, manifest, 'topK');
  if (typeof told !== 'number' || told <= router.topK) return router.topK;
  const { groups } = router;
  const open = groups ? (slots.length / groups.count) * groups.selected : slots.length;
  return groups && open === router.topK ? told : router.topK;
}

/**
 * Routers that select among all experts say so as one group of them, where the config.json of the original tells of
 * several: it may limit the selection to some of these, and experts that stay need not divide into them.
 */
function groupsOf({ router, slots }: MoeFfn, manifest: ArchitectureManifest, original: Config): Settings {
  if (router.groups !== null) return { groups: router.groups.count, selectedGroups: router.groups.selected };
  const count = quantityOf(original, manifest, 'groups');
  const selected = quantityOf(original, manifest, 'selectedGroups');
  if (typeof count !== 'number' || typeof selected !== 'number') return {};
  if (count <= 1) return { groups: count, selectedGroups: selected };
  // Some families value a group by two of its experts.
  const divides = slots.length % count === 0 && slots.length >= 2 * count;
  const groups = selected === count && divides ? count : 1;
  return { groups, selectedGroups: groups };
}

/** Those that differ from what the original says, and the number of experts. */
function changed(settings: Settings, manifest: ArchitectureManifest, original: Config): Changes {
  const entries = Object.entries(settings) as [LayerQuantity, number][];
  return Object.fromEntries(
    entries.filter(
      ([quantity, value]) => quantity === 'experts' || quantityOf(original, manifest, quantity) !== value,
    ),
  );
}

/**
 * Throws `CONFIG_UNSUPPORTED` if layers differ in what a stock config.json says once for all.
 */
export function checkAlike({ ofLayers }: RouterSettings, { id }: Model): void {
  const [key] = [...ofLayers.values()].flatMap((own) => Object.keys(own));
  if (key === undefined) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `Layers ${[...ofLayers.keys()].join(', ')} have another "${key}" than the others, and config.json has one for all.`,
    where: id,
    hint: 'Choose the layout compact, or make a plan that leaves the same number in every layer.',
  });
}

/**
 * Throws `CONFIG_UNSUPPORTED` if a family would read other routers from a written config.json than the view has, because
 * it ties a rule to the number of experts that are selected.
 */
export function checkReadBack(
  config: Config,
  {
    model,
    manifest,
    routers: { ofLayers },
  }: { readonly model: Model; readonly manifest: ArchitectureManifest; readonly routers: RouterSettings },
): void {
  const blocks = moeBlocks(model);
  const layers = blocks.map(({ index }) => ({ layer: index, config: { ...ofLayers.get(index) } }));
  const read = readLayerConfigs(config, layers, { manifest, file: 'config.json' });
  for (const { index, ffn } of blocks) {
    const told = read.get(index)?.router;
    const { router } = ffn;
    if (told && told.selectionBias !== (router.selectionBias !== null))
      throw biasRefused(index, { model, manifest });
    if (told && told.topK === router.topK && told.normalise === router.normalise) continue;
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `A ${manifest.title} whose router selects ${router.topK} of ${ffn.slots.length} experts weighs them otherwise than layer ${index} of this view.`,
      where: model.id,
      hint: 'Choose another number of experts to select.',
    });
  }
}

const biasRefused = (
  layer: number,
  { model, manifest }: { readonly model: Model; readonly manifest: ArchitectureManifest },
): MoepressError =>
  new MoepressError('CONFIG_UNSUPPORTED', {
    message: `Experts of layer ${layer} are selected by scores with a bias, and the routers of ${manifest.title} select without one.`,
    where: model.id,
    hint: 'Export it to ONNX, or choose a method that leaves the router as it is.',
  });
