import { join } from 'node:path';
import { parseOptions, planHash } from '@moepress/core';
import { compress, methodOptions } from '../../compress.js';
import { findMethod } from '../../methods/find-methods.js';
import { calibrationSet } from '../../models/model-data.js';
import { cacheFolder } from '../../options.js';
import { writePlan } from '../../plans/write-plan.js';
import { withSession } from '../../session.js';
import { Calibration } from '../../statistics/calibration.js';
import { addressOf, measuredTokens } from '../address.js';
import { type Job, jobOf } from '../jobs/job.js';
import type { Shared } from './job-options.js';
import type { RunRecipe } from './run-recipe-schema.js';

/**
 * The jobs that make a plan: to measure what the method needs, if it needs anything, and to decide. Reads the calibration set,
 * whose tokens are part of what the jobs name. Throws what `compress` throws before it measures.
 */
export async function compressJobs(
  choice: NonNullable<RunRecipe['compress']>,
  { base, address, compute }: Shared,
): Promise<{ readonly measure: Job | null; readonly plan: Job }> {
  const { method, ratio, options, seed, calibration } = choice;
  const found = await findMethod(method, compute);
  const asked = { options, ratio, seed };
  const parsed = parseOptions(found.compressor, methodOptions(asked));
  const needs = found.compressor.needs(base, parsed);
  const own = { ...compute, calibration, seed };
  const set = needs.length > 0 || calibration !== undefined ? await calibrationSet(base, own, {}) : null;
  const tokens = set && addressOf(measuredTokens(set));
  const measure =
    needs.length === 0
      ? null
      : jobOf({
          kind: 'measure',
          title: `measure on ${set!.source}`,
          needs: [],
          spec: { address, tokens, statistics: needs.map(({ name, version }) => [name, version]) },
          async run(_, __, work) {
            const facts = { calibration: set!.source, sequences: set!.sequences.length };
            // What is not kept is measured when the plan is made, and once only.
            if (cacheFolder(compute.cache, 'evidence') === false) return { files: {}, facts };
            // Making the plan reads these measurements again, and warns of experts that saw few tokens.
            const measured = new Calibration(async () => set!, { ...compute, minTokens: 0 });
            measured.need(needs);
            const options = { ...compute, signal: work.signal, onProgress: work.progress };
            await withSession(base, options, ({ engine }) => measured.evidence(engine, base, work));
            return { files: {}, facts };
          },
        });
  const plan = jobOf({
    kind: 'compress',
    title: `decide by ${method}`,
    needs: measure ? [measure] : [],
    spec: { address, tokens, origin: found.origin, method: found.compressor.name, options: parsed },
    async run(folder, _, { signal, progress }) {
      const made = await compress(base, {
        ...compute,
        ...asked,
        method: found,
        ...(set && { calibration: set }),
        signal,
        onProgress: progress,
      });
      await writePlan(made, join(folder, 'plan.json'), { signal });
      return { files: { plan: 'plan.json' }, facts: { planHash: planHash(made), warnings: made.warnings } };
    },
  });
  return { measure, plan };
}
