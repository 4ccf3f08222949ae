import { attentionBlocks } from '@moepress/core';
import type { EngineSupport, Loading } from '../engine-support.js';
import type { PreparedView } from '../gguf/view/prepare-view.js';

/** llama.cpp, and programs that run models with it. */
const engines = ['llama.cpp', 'Ollama', 'LM Studio'] as const;

/** What llama.cpp and what builds on it make of a view that one of its architectures holds. */
export function llamaCppSupport(view: PreparedView): EngineSupport[] {
  const loads: Loading = view.architecture.remark ? 'nearly' : view.padded ? 'padded' : 'exactly';
  const reasons = [
    ...(view.padded ? ['Zeros are stored in place of channels that are gone.'] : []),
    ...(view.architecture.remark ? [view.architecture.remark] : []),
    ...(needsBetas(view) ? [betaFlags] : []),
  ];
  return engines.map((engine) => ({ engine, loads, reason: reasons.join(' ') || null }));
}

const betaFlags =
  'It does not read the betas of YaRN from files: start it with --yarn-beta-fast and --yarn-beta-slow as the model has them.';

/** Whether the rotation has other betas than those that llama.cpp takes. */
const needsBetas = ({ model }: PreparedView): boolean =>
  attentionBlocks(model).some(({ attention: { rope } }) => {
    const { scaling } = rope;
    return scaling?.kind === 'yarn' && (scaling.betaFast !== 32 || scaling.betaSlow !== 1);
  });
