import { z } from 'zod';
import { groupings } from './grouping/group.js';
import { scalings } from './scaling.js';
import { scorings } from './scoring/select.js';

export const options = z.strictObject({
  /** Fraction of each layer's experts that the dense FFN is narrower by; absent: it is as wide as a token's top-k. */
  ratio: z.number().min(0).lt(1).optional(),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
  scoring: z.enum(scorings).default('do-acp'),
  /**
   * Experts of each layer that the dense FFN is made of (K); if more than its parts, they are grouped. By default as
   * many as its parts.
   */
  keep: z.int().positive().optional(),
  grouping: z.enum(groupings).default('weights'),
  /** Absent: `uniform` where the router normalises its weights, else `matched`. */
  scaling: z.enum(scalings).optional(),
  /** Lambda of DO-ACP over the mean diagonal of its kernel. Absent: 1/k. */
  regulariser: z.number().positive().optional(),
  /**
   * The gate of a shared expert is replaced by its mean (`frozen`), or is kept, and the expert stays separate from
   * the dense FFN.
   */
  shared: z.enum(['frozen', 'gated']).default('frozen'),
  /** The width becomes a multiple of it. */
  align: z.int().positive().max(4096).default(1),
});

export type MoeToDenseOptions = z.infer<typeof options>;
