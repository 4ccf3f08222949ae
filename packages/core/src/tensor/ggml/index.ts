import type { BlockFormat } from './block-machine.js';
import * as i from './i-blocks.js';
import * as k from './k-blocks.js';
import * as simple from './simple-blocks.js';

export type { BlockFormat, BlockMachine, BlockTable } from './block-machine.js';

/** How rows in a type of ggml are cut into blocks of `block` elements and `bytes` bytes, and what those mean. */
export interface GgmlBlocks {
  readonly block: number;
  readonly bytes: number;
  readonly values: BlockFormat;
}

const of = (block: number, bytes: number, values: BlockFormat): GgmlBlocks => ({ block, bytes, values });

/** Every type of blocks that can be computed with, by the name that llama.cpp gives it, in lower case. */
export const ggmlBlocks = {
  q4_0: of(32, 18, simple.q4_0),
  q4_1: of(32, 20, simple.q4_1),
  q5_0: of(32, 22, simple.q5_0),
  q5_1: of(32, 24, simple.q5_1),
  q8_0: of(32, 34, simple.q8_0),
  iq4_nl: of(32, 18, simple.iq4_nl),
  mxfp4: of(32, 17, simple.mxfp4),
  nvfp4: of(64, 36, simple.nvfp4),
  q2_k: of(256, 84, k.q2_k),
  q3_k: of(256, 110, k.q3_k),
  q4_k: of(256, 144, k.q4_k),
  q5_k: of(256, 176, k.q5_k),
  q6_k: of(256, 210, k.q6_k),
  tq1_0: of(256, 54, k.tq1_0),
  tq2_0: of(256, 66, k.tq2_0),
  iq2_xxs: of(256, 66, i.iq2_xxs),
  iq2_xs: of(256, 74, i.iq2_xs),
  iq2_s: of(256, 82, i.iq2_s),
  iq3_xxs: of(256, 98, i.iq3_xxs),
  iq3_s: of(256, 110, i.iq3_s),
  iq1_s: of(256, 50, i.iq1_s),
  iq1_m: of(256, 56, i.iq1_m),
  iq4_xs: of(256, 136, i.iq4_xs),
} as const;

export type GgmlBlockType = keyof typeof ggmlBlocks;

export const isGgmlBlockType = (name: string): name is GgmlBlockType => Object.hasOwn(ggmlBlocks, name);
