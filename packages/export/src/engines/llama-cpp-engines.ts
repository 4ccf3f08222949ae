import { type Attention, attentionBlocks, type Model } from '@moepress/core';
import type { EngineSupport, Loading } from '../engine-support.js';
import { layersLacking } from '../gguf/view/layer-rules.js';
import type { PreparedView } from '../gguf/view/prepare-view.js';

/** llama.cpp, and programs that run models with it. */
const engines = ['llama.cpp', 'Ollama', 'LM Studio'] as const;

/** What llama.cpp and what builds on it make of a view that one of its architectures holds. */
export function llamaCppSupport(view: PreparedView): EngineSupport[] {
  const { model, padded, architecture } = view;
  const lacking = layersLacking(model, architecture.loads);
  if (lacking !== null) {
    const reason = `It loads files of "${architecture.name}" only with ${lacking}.`;
    return engines.map((engine) => ({ engine, loads: 'not', reason }));
  }
  const differences = attentionBlocks(model).flatMap(({ attention }) => [...differencesOf(attention, model)]);
  const loads: Loading = differences.length > 0 ? 'nearly' : padded ? 'padded' : 'exactly';
  const reasons = new Set([
    ...(padded ? ['Zeros are stored in place of channels that are gone.'] : []),
    ...differences,
    ...(needsBetas(view) ? [betaFlags] : []),
  ]);
  return engines.map((engine) => ({ engine, loads, reason: [...reasons].join(' ') || null }));
}

/** What it computes a little differently, a sentence each. */
function* differencesOf(attention: Attention, { config }: Model): Generator<string> {
  const { scaling } = attention.rope;
  if (scaling?.kind === 'yarn' && !scaling.truncate) {
    yield 'It rounds the bounds of YaRN to whole frequencies, which the model does not.';
  }
  if (attention.kind === 'mla' && attention.kvDown.epsilon !== config.rmsNormEps) {
    yield 'It norms latents with the epsilon of the other norms, which the model does not.';
  }
}

const betaFlags =
  'It does not read the betas of YaRN from files: start it with --yarn-beta-fast and --yarn-beta-slow as the model has them.';

/** Whether the rotation has other betas than those that llama.cpp takes. */
const needsBetas = ({ model }: PreparedView): boolean =>
  attentionBlocks(model).some(({ attention: { rope } }) => {
    const { scaling } = rope;
    return scaling?.kind === 'yarn' && (scaling.betaFast !== 32 || scaling.betaSlow !== 1);
  });
