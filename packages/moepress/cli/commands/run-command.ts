import { join, relative } from 'node:path';
import type { EngineSupport } from '@moepress/export';
import type { DoneJob } from '../../src/experiments/jobs/run-jobs.js';
import { listRecipeJobs, runRecipe } from '../../src/experiments/run/run-recipe.js';
import { runRecipeJsonSchema } from '../../src/experiments/run/run-recipe-schema.js';
import {
  answersOption,
  type CacheFlags,
  cacheOf,
  type DeviceFlags,
  dataOption,
  deviceOption,
  dryRunOption,
  evidenceOption,
  gpuMemoryOption,
  jsonOption,
  memoryOption,
  noAnswersOption,
  noEvidenceOption,
  pluginOption,
  precisionOption,
  profileOption,
  threadsOption,
} from '../command-options.js';
import type { Context, ContextOptions, Define } from '../context.js';
import { path } from '../option-values.js';
import { loadingText } from '../text/loading-text.js';
import { nextText, quoted } from '../text/next-text.js';
import { formatTable } from '../text/table.js';

interface RunFlags extends CacheFlags, DeviceFlags, ContextOptions {
  readonly out?: string;
  readonly data?: string;
  readonly dryRun?: boolean;
  readonly schema?: boolean;
}

export const define: Define = (command, context) =>
  command
    .argument('[recipe]', 'YAML: model, and what is done with it: compress, heal, export, evaluate', path)
    .option('--out <dir>', 'folder of the results (default: the one that the recipe names)', path)
    .option('--schema', 'print the JSON schema of recipes, for editors')
    .addOption(dataOption())
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(answersOption())
    .addOption(noAnswersOption())
    .addOption(memoryOption())
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(pluginOption())
    .addOption(dryRunOption('list the jobs, and which of them are done, and do nothing'))
    .addOption(jsonOption())
    .addOption(profileOption())
    .action(async (recipe: string | undefined, flags: RunFlags) => {
      if (flags.schema) {
        const { print } = await context({});
        const schema = runRecipeJsonSchema();
        return print(JSON.stringify(schema, null, 2), schema);
      }
      if (recipe === undefined) command.error("error: missing required argument 'recipe'");
      await run(recipe!, flags, await context(flags));
    });

async function run(
  recipe: string,
  { evidence, answers, runs, dryRun, schema, ...options }: RunFlags,
  { work, plugins, print, note }: Context,
): Promise<void> {
  const cache = cacheOf({
    ...(evidence !== undefined && { evidence }),
    ...(answers !== undefined && { answers }),
  });
  const asked = { ...options, cache, plugins, ...work };
  if (dryRun) {
    const { out, jobs } = await listRecipeJobs(recipe, asked);
    const rows = jobs.map(({ job, isDone }, i) => [
      String(i + 1),
      job.title,
      job.needs.map((needed) => jobs.findIndex(({ job: one }) => one.key === needed.key) + 1).join(', '),
      isDone ? 'done' : 'to do',
    ]);
    const columns = ['Job', '', 'Needs', ''].map((title) => ({ title }));
    const data = jobs.map(({ job: { key, kind, title, needs }, isDone }) => ({
      ...{ key, kind, title, isDone },
      needs: needs.map((one) => one.key),
    }));
    return print(`${formatTable(columns, rows)}\n\nResults: ${out}`, { out, jobs: data });
  }
  const { out, jobs } = await runRecipe(recipe, asked);
  print(jobs.map((done) => lineOf(done, out)).join('\n'), {
    out,
    jobs: jobs.map(({ job: { key, kind, title }, result, wasDone }) => ({
      key,
      kind,
      title,
      wasDone,
      ...result,
    })),
  });
  const steps = stepsAfterRun(jobs, out);
  if (steps.length > 0) note(nextText(steps));
}

/** A job, where its files are, and what of them one wants to know first. */
function lineOf({ job, result, wasDone }: DoneJob, out: string): string {
  const files = Object.values(result.files).map((file) =>
    join(relative('', out), relative(out, result.folder), file),
  );
  const engines = result.facts.engines as readonly EngineSupport[] | undefined;
  return [
    `${job.title}${wasDone ? ' (done before)' : ''}${files.length > 0 ? `: ${files.join(', ')}` : ''}`,
    ...(engines && engines.length > 0 ? [loadingText(engines).replace(/^/gm, '  ')] : []),
  ].join('\n');
}

function stepsAfterRun(jobs: readonly DoneJob[], out: string): [string, string][] {
  const at = (kind: string, file: string, isFit = (_: string) => true) => {
    const found = jobs.findLast(
      ({ job, result }) => job.kind === kind && result.files[file] !== undefined && isFit(result.files[file]),
    );
    return (
      found && quoted(join(relative('', out), relative(out, found.result.folder), found.result.files[file]!))
    );
  };
  const [comparison, results, model] = [
    at('compare', 'comparison'),
    at('evaluate', 'results'),
    // llama.cpp serves a GGUF file faster.
    at('export', 'model', (file) => !file.endsWith('.gguf')),
  ];
  return [
    ...(comparison ? [[`cat ${comparison}`, 'what it costs'] as [string, string]] : []),
    ...(results ? [[`moepress samples ${results} --wrong`, 'what it gets wrong'] as [string, string]] : []),
    ...(model ? [[`moepress serve ${model}`, "answer OpenAI's API with it"] as [string, string]] : []),
  ];
}
