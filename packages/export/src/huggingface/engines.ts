import { findArchitecture } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import type { EngineSupport } from '../engine-support.js';
import { hasModelingCode } from './config.js';
import { type Arrangement, arrange, type ExpertLayout } from './layout.js';
import type { QuantiseChoice } from './quantise-scheme.js';

/** Programs that load folders of Hugging Face's format. */
const engines = ['transformers', 'vLLM', 'SGLang'] as const;
type Engine = (typeof engines)[number];

/** Families that these programs have no class of without the family's remote code: transformers 5.18, and
 * the models of vLLM and SGLang in the autumn of 2026. */
const unknown: Readonly<Record<Engine, readonly string[]>> = {
  transformers: ['deepseek', 'kimi_k2', 'kimi_linear'],
  vLLM: ['mistral4', 'solar_open'],
  SGLang: ['flex_olmo', 'mistral4', 'solar_open'],
};

/**
 * What each program makes of a view written in a layout, its weights quantised or not. Throws `CONFIG_UNSUPPORTED` for a view that the layout cannot hold.
 */
export function huggingFaceSupport(
  model: Model,
  layout: ExpertLayout,
  quantise?: QuantiseChoice | undefined,
): EngineSupport[] {
  return enginesOf(arrange(model, findArchitecture(model.architecture, model.id), layout, quantise));
}

/** What each program makes of a folder with such an arrangement. */
export const enginesOf = (arrangement: Arrangement): EngineSupport[] =>
  engines.map((engine) => ({ engine, ...supportOf(engine, arrangement) }));

function supportOf(engine: Engine, { form, manifest }: Arrangement): Omit<EngineSupport, 'engine'> {
  const isKnown = !unknown[engine].includes(manifest.modelType);
  if (form.kind === 'compact') {
    if (engine === 'transformers' && hasModelingCode(manifest)) {
      return {
        loads: 'remote code',
        reason: 'modeling_moepress.py beside the weights reads the compact layout.',
      };
    }
    return { loads: 'not', reason: 'It does not read the compact layout: choose the layout materialised.' };
  }
  if (form.kind === 'flat') {
    return engine === 'vLLM'
      ? { loads: 'remote code', reason: 'The plugin of Less-is-MoE reads this layout.' }
      : { loads: 'not', reason: 'Only the vLLM plugin of Less-is-MoE reads this layout.' };
  }
  if (!isKnown) {
    return engine === 'transformers'
      ? { loads: 'remote code', reason: `It needs the code that ${manifest.title} is published with.` }
      : { loads: 'not', reason: `It has no ${manifest.title}.` };
  }
  const reasons = [
    ...(form.zeros === 'none' ? [] : ['Zeros are stored in place of channels that are gone.']),
    ...(form.idle ? ['Experts that are never selected are stored in place of those that are gone.'] : []),
  ];
  return reasons.length > 0
    ? { loads: 'padded', reason: reasons.join(' ') }
    : { loads: 'exactly', reason: null };
}
