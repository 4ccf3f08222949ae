import { findArchitecture } from '@moepress/checkpoint';
import { type Model, MoepressError } from '@moepress/core';
import { padExperts } from '../../huggingface/channels.js';
import { encodeDenseLayers } from '../../huggingface/dense.js';
import { padRouters } from '../../huggingface/pad-routers.js';
import { commonWidth, expertWidths } from '../../huggingface/widths.js';
import { ggufArchitectureOf, obstacles } from '../architectures/find-architecture.js';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import { layersLacking } from './layer-rules.js';
import { hasRaggedCounts, viewFeatures } from './view-features.js';

/** A view as it is written to a GGUF file. */
export interface PreparedView {
  /** Its experts have one width, and dense layers are such as the family states. */
  readonly model: Model;
  readonly architecture: GgufArchitecture;
  /** Whether zeros were added. */
  readonly padded: boolean;
}

/** Throws `CONFIG_UNSUPPORTED` for a view that no architecture of llama.cpp computes. */
export function prepareView(given: Model): PreparedView {
  const view = padRouters(given);
  if (hasRaggedCounts(view)) {
    throw refused(
      view,
      'Its layers have different numbers of experts, or select different numbers, and GGUF has one for all.',
    );
  }
  const encoded = encodeDenseLayers(view, findArchitecture(view.architecture, view.id), false);
  const { modelType, title } = encoded.manifest;
  const architecture = ggufArchitectureOf(modelType);
  if (!architecture)
    throw refused(view, `No architecture is known that a ${title} model could be written as.`);
  const width = commonWidth(encoded.model, encoded.manifest);
  const model = padExperts(encoded.model, () => width);
  const found = obstacles(architecture, viewFeatures(model));
  const lacking = layersLacking(model, architecture.layers);
  if (lacking !== null) found.push(`lacks ${lacking}`);
  if (found.length > 0) {
    throw refused(
      view,
      `The model ${found.join(', and ')}. "${architecture.name}" of llama.cpp computes otherwise.`,
    );
  }
  const padded = view !== given || encoded.padded || expertWidths(encoded.model).some((own) => own !== width);
  return { model, architecture, padded };
}

const refused = (view: Model, message: string): MoepressError =>
  new MoepressError('CONFIG_UNSUPPORTED', {
    message,
    where: view.id,
    hint: 'Export it as `hf` for another engine.',
  });
