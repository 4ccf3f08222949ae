import { join } from 'node:path';
import { describeExport, exportModel } from '../../export-model.js';
import { type Job, jobOf } from '../jobs/job.js';
import type { Shared } from './job-options.js';
import { planFileOf } from './plan-of-job.js';
import type { RunRecipe } from './run-recipe-schema.js';

/** The job that writes a model in a format, as a plan changes it if there is one. */
export function exportJob(
  { to, type, layout }: RunRecipe['export'][number],
  plan: Job | null,
  { base, address, compute }: Shared,
): Job {
  const { plugins } = compute;
  return jobOf({
    kind: 'export',
    title: `export to ${to}${type === undefined ? '' : ` as ${type}`}`,
    needs: plan ? [plan] : [],
    spec: { address, to, type: type ?? null, layout: layout ?? null },
    async run(folder, needed, { signal, progress }) {
      const given = needed[0] && planFileOf(needed[0]);
      const options = { to, type, layout, plan: given, plugins, signal };
      const { engines } = await describeExport(base, options);
      const name = to === 'gguf' ? 'model.gguf' : 'model';
      const exported = await exportModel(base, join(folder, name), { ...options, onProgress: progress });
      return {
        files: { model: name },
        facts: { to, type: exported.type, bytes: exported.writtenBytes, engines },
      };
    },
  });
}
