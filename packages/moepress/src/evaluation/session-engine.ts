import { sha256 } from '@moepress/core';
import type { TokenEngine } from '@moepress/harness';
import type { Choice, SamplingOptions } from '@moepress/runtime';
import { createSampler, type Sampling } from '../sampling/sampler.js';
import type { ModelSession } from '../session.js';

/** An engine of the harness that has to be made ready, and may spend time on something else than scoring. */
export interface SessionEngine extends TokenEngine {
  ready(): Promise<unknown>;
  /** Milliseconds that went into other things so far. */
  elsewhere?(): number;
}

type Drawing = NonNullable<Parameters<TokenEngine['generate']>[1]['sampling']>;

/**
 * A session as the harness asks it. Where tokens are drawn, each answer has random numbers of its own, by the seed, the
 * prompt's ids and which of the answers to the prompt it is: it is the same whatever is generated beside it.
 */
export function sessionEngine(session: ModelSession): SessionEngine {
  return {
    maxLength: session.maxLength,
    ready: () => session.ready(),
    score: (items, work) => session.score(items, work),
    async generate(prompts, { sampling, ...options }) {
      if (!sampling) return session.generate(prompts, options);
      const samplers = prompts.map((ids) => createSampler(samplingOf(sampling, ids), sampling.attempt));
      const chooser = { wants: () => true, choose: (place: Choice) => samplers[place.index]!(place) };
      const drawn: SamplingOptions = { ...options, chooser };
      return session.generate(prompts, drawn);
    },
  };
}

/** The likeliest tokens that are drawn from where a task does not say: transformers' default. */
const defaultTopK = 50;

function samplingOf(
  { temperature, topP = 1, topK = defaultTopK, seed }: Drawing,
  ids: readonly number[],
): Sampling {
  const own = Number.parseInt(sha256(`${seed} ${ids.join()}`).slice(0, 8), 16);
  return {
    ...{ temperature, topP, topK: topK > 0 ? topK : null, seed: own },
    ...{ presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() },
  };
}
