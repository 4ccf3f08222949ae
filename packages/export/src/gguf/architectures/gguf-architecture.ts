import type { Rope } from '@moepress/core';
import type { Keys } from '../file/metadata.js';
import type { Feature } from './feature-texts.js';

/** What llama.cpp computes for one of its architectures, and how its files tell of it. */
export interface GgufArchitecture {
  /** `general.architecture`. */
  readonly name: string;
  /** `model_type` of the families whose models are written as it. */
  readonly families: readonly string[];
  /** Which numbers of a head it rotates together. Rows of queries and keys are put in that order. */
  readonly rotates: Rope['pairing'];
  /** The name of the norm before the FFN; `ffn_norm` by default. */
  readonly ffnNorm?: 'ffn_norm' | 'post_attention_norm';
  /** The name of the norm behind the last layer; `output_norm` by default. */
  readonly finalNorm?: string;
  /** The name of the bias that steers the choice of experts; `exp_probs_b.bias` by default. */
  readonly selectionBias?: string;
  /** The language-model head is written even where it is the embedding itself. */
  readonly untied?: true;
  /** What a view may compute. All else is refused, for it would be computed otherwise. */
  readonly holds: readonly Feature[];
  /** What a view must compute, because the architecture does. */
  readonly needs?: readonly Feature[];
  /** Layers as it has them, whatever files say. */
  readonly layers?: LayerRule;
  /** What a file must have to be loaded by llama.cpp, though it tells all there is to tell. */
  readonly loads?: LayerRule;
  /** Files tell of each layer whether it has a window. */
  readonly windowsByLayer?: true;
  /** Files tell how the rotation is shared between axes of images, which texts do not see. */
  readonly rotationSections?: true;
  /** Metadata that all its files have. */
  readonly constants?: Keys;
  /** What files tell of the shared expert: its width, or how many experts wide it is. Default: both, where there is one. */
  readonly sharedBy?: 'width' | 'count';
  /** Widths of dense FFNs and of experts share one key, `feed_forward_length`. */
  readonly oneWidth?: true;
}

/**
 * `windows-on-even`: every other layer has a window, the first one too. `fourth-is-full`: every fourth layer has no window,
 * and that one alone is not rotated. `rotated-are-windowed`: layers with a window are rotated, and no others. `lite`: queries have a latent, or there are 26 or 27 layers. `fourth-is-attention`: every fourth layer has attention, the others have none.
 * `own-keys`: every head of queries has keys of its own.
 */
export type LayerRule =
  | 'windows-on-even'
  | 'fourth-is-full'
  | 'rotated-are-windowed'
  | 'lite'
  | 'fourth-is-attention'
  | 'own-keys';
