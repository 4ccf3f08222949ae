import { join } from 'node:path';
import { parseOptions } from '@moepress/core';
import { findRefiner } from '../../methods/find-methods.js';
import { trainingSet } from '../../models/model-data.js';
import { writePlan } from '../../plans/write-plan.js';
import { refine } from '../../refine.js';
import { addressOf } from '../address.js';
import { type Job, jobOf } from '../jobs/job.js';
import type { Shared } from './job-options.js';
import { planFileOf } from './plan-of-job.js';
import type { RunRecipe } from './run-recipe-schema.js';

/** The job that trains what a plan leaves. Reads the text, whose tokens are part of what it names. Throws what `refine` throws. */
export async function healJob(
  choice: NonNullable<RunRecipe['heal']>,
  plan: Job,
  { base, address, compute }: Shared,
): Promise<Job> {
  const { refiner, train, validate, options, seed } = choice;
  const found = await findRefiner(refiner, compute);
  const parsed = parseOptions(found.refiner, { ...options, seed });
  const tokensOf = async (texts: string) =>
    addressOf((await trainingSet(base, texts, { ...compute, seed }, {})).sequences);
  return jobOf({
    kind: 'heal',
    title: `heal by ${refiner}`,
    needs: [plan],
    spec: {
      ...{ address, origin: found.origin, refiner: found.refiner.name, options: parsed },
      train: await tokensOf(train),
      validate: validate === undefined ? null : await tokensOf(validate),
    },
    async run(folder, needed, { signal, progress }) {
      const healed = await refine(base, planFileOf(needed[0]!), {
        ...compute,
        ...{ refiner: found, train, validate, options, seed, signal },
        onProgress: progress,
      });
      await writePlan(healed, join(folder, 'healed'), { signal });
      const losses = Object.entries(healed.curves).map(([stage, curve]) => [
        stage,
        { steps: curve.length, first: curve[0]?.loss ?? null, last: curve.at(-1)?.loss ?? null },
      ]);
      return { files: { plan: 'healed' }, facts: Object.fromEntries(losses) };
    },
  });
}
