import {
  type ArchitectureManifest,
  type CompactRecord,
  type DroppedParts,
  type NamedTensor,
  nameExperts,
  nameRagged,
} from '@moepress/checkpoint';
import { type Expert, type Model, MoepressError, moeBlocks } from '@moepress/core';
import { maskExperts, padExperts } from './channels.js';
import { encodeDenseLayers } from './dense.js';
import type { DenseEncoding } from './dense-encodings.js';
import { checkWhole, droppedParts } from './dropped-parts.js';
import { type FlatRecord, flatRecord, nameFlat } from './flat.js';
import { padRouters } from './pad-routers.js';
import {
  compactRecord,
  isConstant,
  type Placement,
  placeByOrigin,
  placeBySlot,
  sharesExperts,
} from './placement.js';
import type { QuantiseChoice } from './quantise-scheme.js';
import { checkAlike, type RouterSettings, routerSettings } from './router-settings.js';
import { padToBlocks } from './whole-blocks.js';
import { commonWidth, expertWidths, isRagged, stockWidth } from './widths.js';

/**
 * How experts that slots share or that differ in width are stored. Where no expert is shared and all have one width,
 * as after dropping experts, the first three layouts give the same standard checkpoint.
 *
 * - `compact`: each expert once and in its actual width; config.json has the slots and widths.
 * - `materialised`: one expert for every slot, padded with zeros to the largest width; any program loads it.
 * - `masked`: the same with the original width, and zeros in place of the channels that were removed.
 * - `less-is-moe`: the experts of a layer concatenated, each in its actual width, as the vLLM plugin of Less-is-MoE
 * reads them.
 */
export type ExpertLayout = (typeof expertLayouts)[number];

export const expertLayouts = ['compact', 'materialised', 'masked', 'less-is-moe'] as const;

/** A model in a layout. */
export interface Arrangement extends Omit<DenseEncoding, 'record' | 'padded'> {
  /** The tensors of the routed experts by the layer they are stored under. */
  readonly experts: ReadonlyMap<number, readonly NamedTensor[]>;
  /** The width config.json gives all experts; null if it keeps the original's and has theirs elsewhere. */
  readonly width: number | null;
  readonly form: StockForm | CompactForm | FlatForm;
  readonly routers: RouterSettings;
  /** Parts that layers have lost. */
  readonly dropped: readonly DroppedParts[];
}

export interface StockForm {
  readonly kind: 'stock';
  /** The reasons for which zeros were added. */
  readonly zeros: 'none' | 'padding' | 'mask';
  /** Layers have experts that are never selected, up to a common number of them. */
  readonly idle?: true;
}

export interface CompactForm {
  readonly kind: 'compact';
  readonly record: CompactRecord;
}

export interface FlatForm {
  readonly kind: 'flat';
  readonly record: FlatRecord;
}

/** `quantise`: what the weights will be quantised to. Throws `CONFIG_UNSUPPORTED` if the layout cannot hold the model. */
export function arrange(
  model: Model,
  manifest: ArchitectureManifest,
  layout: ExpertLayout,
  quantise?: QuantiseChoice | undefined,
): Arrangement {
  const arranged = {
    compact: arrangeCompact,
    materialised: arrangePadded,
    masked: arrangeMasked,
    'less-is-moe': arrangeFlat,
  };
  // The layout masked has the width of the original, and less-is-moe nothing that is quantised.
  const fitted = layout === 'compact' || layout === 'materialised' ? padToBlocks(model, quantise) : model;
  const dense = encodeDenseLayers(fitted, manifest, layout === 'compact');
  const even = layout === 'materialised' ? padRouters(dense.model) : dense.model;
  const encoded = { ...dense, model: even, padded: dense.padded || fitted !== model };
  const routers = routerSettings(encoded.model, encoded.manifest, encoded.config);
  const dropped = droppedParts(encoded.model, encoded.manifest, encoded.config);
  const experts = arranged[layout](encoded.model, encoded.manifest, { ...encoded, routers, dropped });
  if (experts.form.kind !== 'compact') {
    checkBiases(encoded.model, encoded.manifest);
    checkAlike(routers, model);
    checkWhole(dropped, model);
  }
  const form =
    even !== dense.model && experts.form.kind === 'stock'
      ? { ...experts.form, idle: true as const }
      : experts.form;
  return { ...encoded, ...experts, form, routers, dropped };
}

/** Throws `CONFIG_UNSUPPORTED` if experts yield constants in a family whose experts have no biases. */
function checkBiases(model: Model, { tensors, title }: ArchitectureManifest): void {
  if (tensors.experts.fused.bias !== null) return;
  const layer = moeBlocks(model).find(({ ffn }) => ffn.pool.some(isConstant));
  if (!layer) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `Experts of layer ${layer.index} yield constants, and those of ${title} have no biases that could hold them.`,
    where: model.id,
    hint: 'Choose the layout compact.',
  });
}

/** The routed experts as a layout stores them. */
type Experts = Omit<Arrangement, keyof DenseEncoding | 'routers' | 'dropped'>;

/** What is known before experts are arranged. */
type Prepared = DenseEncoding & Pick<Arrangement, 'routers' | 'dropped'>;

function arrangeCompact(
  model: Model,
  manifest: ArchitectureManifest,
  { record, padded, routers, dropped }: Prepared,
): Experts {
  const ragged = isRagged(model, manifest);
  const alike = routers.ofLayers.size === 0 && dropped.length === 0;
  if (!ragged && !sharesExperts(model) && !record && alike)
    return arrangeStock(model, manifest, padded ? 'padding' : 'none');
  const placement = placeByOrigin(model);
  const name = ragged ? nameRagged : nameExperts;
  return {
    experts: named(placement, (experts, layer) => name(experts, manifest.tensors.experts, layer)),
    width: stockWidth(model, manifest),
    form: {
      kind: 'compact',
      record: {
        ...compactRecord(model, placement, { ragged, ofLayers: routers.ofLayers }),
        ...(record && { dense: [...record] }),
        ...(dropped.length > 0 && { dropped: [...dropped] }),
      },
    },
  };
}

function arrangePadded(model: Model, manifest: ArchitectureManifest, encoded: DenseEncoding): Experts {
  const width = commonWidth(model, manifest);
  const zeros = encoded.padded || expertWidths(model).some((own) => own !== width) ? 'padding' : 'none';
  return arrangeStock(
    padExperts(model, () => width),
    manifest,
    zeros,
  );
}

function arrangeMasked(model: Model, manifest: ArchitectureManifest): Experts {
  const masked = maskExperts(model);
  if (isRagged(masked, manifest)) {
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: 'The original positions of the channels that the experts of this model lost are not known.',
      where: model.id,
      hint: 'Apply the plan to its base model, or choose the layout materialised.',
    });
  }
  const [before, after] = [model, masked].map((of) => expertWidths(of).reduce((sum, own) => sum + own, 0));
  return arrangeStock(masked, manifest, before === after ? 'none' : 'mask');
}

function arrangeStock(model: Model, manifest: ArchitectureManifest, zeros: StockForm['zeros']): Experts {
  return {
    experts: named(placeBySlot(model), (experts, layer) =>
      nameExperts(experts, manifest.tensors.experts, layer),
    ),
    width: stockWidth(model, manifest),
    form: { kind: 'stock', zeros },
  };
}

function arrangeFlat(model: Model, manifest: ArchitectureManifest): Experts {
  const placement = placeBySlot(model);
  return {
    experts: named(placement, (experts, layer) => nameFlat(experts, manifest, layer)),
    width: null,
    form: { kind: 'flat', record: flatRecord(model, manifest, placement) },
  };
}

function named(
  placement: Placement,
  name: (experts: readonly Expert[], layer: number) => NamedTensor[],
): Arrangement['experts'] {
  return new Map([...placement].map(([layer, experts]) => [layer, name(experts, layer)]));
}
