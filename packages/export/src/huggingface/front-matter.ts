import type { Model } from '@moepress/core';
import { parse, stringify } from 'yaml';
import type { CardFacts } from './card-facts.js';

/** Far more than any card has, and little enough to be parsed at once whatever stands there. */
const mostCharacters = 65_536;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTextOrList = (value: unknown): boolean =>
  isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText));

/** What says the same of the compressed model as of its base, with the types that the Hub demands. */
const carried: Readonly<Record<string, (value: unknown) => boolean>> = {
  license: isTextOrList,
  license_name: isText,
  license_link: isText,
  language: isTextOrList,
  pipeline_tag: isText,
  extra_gated_heading: isText,
  extra_gated_description: isText,
  extra_gated_prompt: isText,
  extra_gated_button_content: isText,
  extra_gated_fields: (value) => typeof value === 'object' && value !== null,
};

/**
 * The metadata block of a model card, in YAML between two lines of dashes, as the Hub reads it
 * (https://huggingface.co/docs/hub/model-cards#model-card-metadata). Of the base's own block its licence, its conditions of
 * access, its languages and its task are carried over; scores (`model-index`), tags and what it was itself made of are not.
 * The Hub knows no relation of pruned models to their base: of its four, "finetune" says that the weights are others.
 */
export function frontMatter(original: string | null, { model, base, plan, engines }: CardFacts): string {
  const before = original === null ? {} : metadataOf(original);
  const hubId = hubIdOf(base ?? model) ?? (isOurs(before) ? before.base_model : undefined);
  const loads = engines.some(({ engine, loads }) => engine === 'transformers' && loads !== 'not');
  const kept = Object.entries(before).filter(
    ([key, value]) => Object.hasOwn(carried, key) && carried[key]!(value),
  );
  const method = plan && /^[a-z0-9][a-z0-9-]*$/.test(plan.method.name) ? [plan.method.name] : [];
  const metadata = {
    library_name: loads ? 'transformers' : 'moepress',
    ...(isText(hubId) && { base_model: hubId, base_model_relation: 'finetune' }),
    ...Object.fromEntries(kept),
    tags: [...new Set([...(model.config.experts > 0 ? ['moe'] : []), 'moepress', ...method])],
  };
  return `---\n${stringify(metadata)}---`;
}

/** The name of a model of the Hub; undefined for one of a folder. */
export const hubIdOf = ({ id, revision }: Model): string | undefined => (revision === null ? undefined : id);

/** Whether moepress wrote a card, so that its base is one of this model, too. */
const isOurs = ({ tags }: Readonly<Record<string, unknown>>): boolean =>
  Array.isArray(tags) && tags.includes('moepress');

/** What stands between the dashes at the beginning of a card; nothing where that is not YAML, for it belongs to others. */
export function metadataOf(card: string): Readonly<Record<string, unknown>> {
  const block = /^---\r?\n(.*?)\r?\n---\s*(?:\r?\n|$)/s.exec(card.slice(0, mostCharacters))?.[1];
  if (block === undefined) return {};
  try {
    const value: unknown = parse(block, { maxAliasCount: 100 });
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
