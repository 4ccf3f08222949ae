import type { CompactLayer } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import type { Arrangement } from './layout.js';
import { placeByOrigin, placeBySlot } from './placement.js';

/** The name of a module of one expert: what comes before the layer, between layer and expert, and behind. */
const ofExpert = /^((?:.*\.)?layers\.)(\d+)(\..*?experts\.)(\d+)(|\..*)$/s;

/** Where config.json tells of quantised weights. */
const keys = ['quantization_config', 'compression_config'];

type Json = Readonly<Record<string, unknown>>;

/**
 * config.json with the modules that its quantisation names one by one, such as those that are ignored, under the numbers that
 * experts have in the files: names of experts that are gone are left out, and one that is stored twice is named twice.
 * Regular expressions stay as they are.
 */
export function withRenumberedModules(
  config: Json,
  { model, form }: Pick<Arrangement, 'model' | 'form'>,
): Json {
  const numbers = newNumbers(model, form.kind === 'compact', originsIn(config));
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      if (keys.includes(key)) return [key, renumbered(value, numbers)];
      const isInside = key === 'text_config' && isJson(value);
      return [key, isInside ? withRenumberedModules(value, { model, form }) : value];
    }),
  );
}

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The number in the original of each expert in files of the compact layout, by layer; none for other files. */
function originsIn({ moepress }: Json): ReadonlyMap<number, readonly number[]> {
  const layers = isJson(moepress) && Array.isArray(moepress.layers) ? moepress.layers : [];
  return new Map(layers.map(({ layer, experts }: CompactLayer) => [layer, experts]));
}

/** Where each expert of the files is stored now: `layer.expert` to pairs of these. */
function newNumbers(
  model: Model,
  byOrigin: boolean,
  origins: ReadonlyMap<number, readonly number[]>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [layer, experts] of byOrigin ? placeByOrigin(model) : placeBySlot(model)) {
    for (const [number, { origin }] of experts.entries()) {
      const stored = origins.get(origin.layer)?.indexOf(origin.index) ?? origin.index;
      const key = `${origin.layer}.${stored}`;
      found.set(key, [...(found.get(key) ?? []), `${layer}.${number}`]);
    }
  }
  return found;
}

function renumbered(value: unknown, numbers: ReadonlyMap<string, readonly string[]>): unknown {
  if (Array.isArray(value)) {
    return value.flatMap((item) =>
      typeof item === 'string' ? namesOf(item, numbers) : [renumbered(item, numbers)],
    );
  }
  if (!isJson(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renumbered(item, numbers)]));
}

function namesOf(name: string, numbers: ReadonlyMap<string, readonly string[]>): string[] {
  const [, before, layer, between, expert, behind] = ofExpert.exec(name) ?? [];
  if (before === undefined || name.startsWith('re:')) return [name];
  return (numbers.get(`${layer}.${expert}`) ?? []).map((place) => {
    const [newLayer, number] = place.split('.');
    return `${before}${newLayer}${between}${number}${behind}`;
  });
}
