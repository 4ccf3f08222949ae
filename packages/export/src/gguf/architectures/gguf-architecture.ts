import type { Rope } from '@moepress/core';
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
  /** The language-model head is written even where it is the embedding itself. */
  readonly untied?: true;
  /** What a view may compute. All else is refused, for it would be computed otherwise. */
  readonly holds: readonly Feature[];
  /** What a view must compute, because the architecture does. */
  readonly needs?: readonly Feature[];
  /** What files tell of the shared expert: its width, or how many experts wide it is. Default: both, where there is one. */
  readonly sharedBy?: 'width' | 'count';
  /** Widths of dense FFNs and of experts share one key, `feed_forward_length`. */
  readonly oneWidth?: true;
  /** What an engine does otherwise than the model, though it loads it: a sentence. */
  readonly remark?: string;
}
