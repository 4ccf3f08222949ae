import { type Block, throwIfAborted, type Work } from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import type { Session } from '../engine/handles.js';
import type { SessionPool } from '../engine/session-pool.js';
import { readAhead } from './read-ahead.js';

/** A block that a walk comes to, and the graph that it needs there. */
export interface WalkStep {
  readonly block: Block;
  /** What its session is called; no other step has the same. */
  readonly name: string;
  graph(): GraphIR;
}

/**
 * The one way through the blocks of a model, in either direction: calls `use` with each step and its open session, in
 * order. A session closes before the next one opens, unless the pool keeps it, and meanwhile the weights of the next
 * block are read into memory. Throws `ABORTED` between two steps.
 */
export async function walkBlocks<S extends WalkStep>(
  sessions: SessionPool,
  steps: readonly S[],
  use: (step: S, session: Session) => Promise<void>,
  { signal }: Pick<Work, 'signal'> = {},
): Promise<void> {
  for (const [i, step] of steps.entries()) {
    throwIfAborted(signal);
    await sessions.with(
      step.name,
      () => step.graph(),
      async (session) => {
        const ahead = readAhead(sessions.keepsOpen ? undefined : steps[i + 1]?.block);
        try {
          await use(step, session);
        } finally {
          await ahead.stop();
        }
      },
    );
  }
}
