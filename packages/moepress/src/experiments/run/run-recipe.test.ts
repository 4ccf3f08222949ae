import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgressEvent } from '@moepress/core';
import { afterAll, describe, expect, it } from 'vitest';
import { packageFile } from '../../package-root.js';
import { jobOf } from '../jobs/job.js';
import { runJobs } from '../jobs/run-jobs.js';
import { listRecipeJobs, runRecipe } from './run-recipe.js';
import { runRecipeJsonSchema } from './run-recipe-schema.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-recipe-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recipe = {
  model: 'tiny',
  compress: { method: 'random', ratio: 0.5 },
  export: [{ to: 'hf' }],
  evaluate: { tasks: ['tiny_facts'], limit: 2 },
};
const out = join(folder, 'out');
const options = { out, cache: false, threads: 1 } as const;
const kindsDone = async (given: Parameters<typeof runRecipe>[0]) => {
  const { jobs } = await runRecipe(given, options);
  return jobs.filter(({ wasDone }) => !wasDone).map(({ job }) => job.kind);
};

describe('a recipe', () => {
  it('is done as jobs, of which none is done twice, and those that depend on a change again', async () => {
    const { jobs } = await runRecipe(recipe, options);
    expect(jobs.map(({ job }) => job.kind)).toEqual([
      'compress',
      'export',
      'evaluate',
      'evaluate',
      'compare',
    ]);
    expect(jobs[1]!.result.facts.engines).toEqual(
      expect.arrayContaining([expect.objectContaining({ engine: 'vLLM', loads: 'exactly' })]),
    );
    const comparison = jobs.at(-1)!.result;
    expect(readFileSync(join(comparison.folder, comparison.files.comparison!), 'utf8')).toContain(
      'tiny_facts',
    );
    expect(await kindsDone(recipe)).toEqual([]);
    // What is gone or damaged is made again, and nothing else.
    rmSync(join(jobs[1]!.result.folder, 'model'), { recursive: true });
    writeFileSync(join(comparison.folder, 'result.json'), '{"format":');
    expect(await kindsDone(recipe)).toEqual(['export', 'compare']);
    const changed = { ...recipe, compress: { ...recipe.compress, seed: 1 } };
    const listed = await listRecipeJobs(changed, options);
    expect(listed.jobs.map(({ isDone }) => isDone)).toEqual([false, false, true, false, false]);
  });

  it('measures once where measurements are not kept', async () => {
    const started: string[] = [];
    const onProgress = (event: ProgressEvent) => {
      if (event.type === 'start') started.push(event.task);
    };
    const measuring = { model: 'tiny', compress: { method: 'reap', ratio: 0.5, calibration: 'tiny:2' } };
    const own = { out: join(folder, 'once'), cache: { evidence: false }, threads: 1, onProgress } as const;
    const { jobs } = await runRecipe(measuring, own);
    expect(jobs.map(({ job }) => job.kind)).toEqual(['measure', 'compress']);
    expect(started.filter((task) => task === 'Calibrating')).toHaveLength(1);
  });

  it('goes on in the folder of a run that was killed', async () => {
    const place = join(folder, 'killed');
    mkdirSync(join(place, 'compress-0123456789ab'), { recursive: true });
    // A process of this number is not there: Linux gives none above 2^22.
    writeFileSync(
      join(place, '.moepress-lock'),
      'moepress, process 99999999, since 2026-01-01T00:00:00.000Z',
    );
    const { jobs } = await runRecipe({ model: 'tiny', export: [{ to: 'hf' }] }, { ...options, out: place });
    expect(jobs.map(({ wasDone }) => wasDone)).toEqual([false]);
  });

  it.each([
    ['a mistyped key', 'model: tiny\ncompres: {}', /no "compres". Did you mean "compress"/, ':2'],
    ['nothing to do', 'model: tiny', /nothing to do/, ''],
    ['an unknown method', 'model: tiny\ncompress: { method: conmo, ratio: 0.5 }', /no method "conmo"/, ':2'],
    ['an unknown task', 'model: tiny\nevaluate: { tasks: [tiny_fact] }', /tiny_facts/, ':2'],
    ['an unknown format', 'model: tiny\nexport: [{ to: ggufx }]', /no format "ggufx"/, ':2'],
    ['a model that is not there', 'model: ./nowhere\nexport: [{ to: hf }]', /./, ':1'],
    ['healing without compressing', 'model: tiny\nheal: { refiner: distil, train: tiny }', /compress/, ''],
  ])('with %s is refused at its line', async (_, text, message, line) => {
    const file = join(folder, 'recipe.yaml');
    writeFileSync(file, text);
    await expect(runRecipe(file, { out: join(folder, 'refused'), cache: false })).rejects.toMatchObject({
      message: expect.stringMatching(message),
      where: expect.stringContaining(`${file}${line}`),
    });
  });

  it('goes beside its file unless it says otherwise, and nowhere else', async () => {
    const file = join(folder, 'placed.yaml');
    writeFileSync(file, 'model: tiny\nout: results\nexport: [{ to: hf }]');
    expect((await listRecipeJobs(file)).out).toBe(join(folder, 'results'));
    await expect(runRecipe({ ...recipe })).rejects.toMatchObject({ code: 'INPUT_INVALID', where: 'out' });
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    await expect(runRecipe(recipe, { out: folder })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
  });

  it('has the schema that is published', () => {
    const published = readFileSync(packageFile('schemas/run-recipe.schema.json'), 'utf8');
    expect(JSON.parse(published)).toEqual(runRecipeJsonSchema());
  });
});

describe('jobs', () => {
  const job = (name: string, needs: ReturnType<typeof jobOf>[] = [], fails = false) =>
    jobOf({
      ...{ kind: 'measure', title: name, spec: { name }, needs },
      async run(_, needed) {
        if (fails) throw new Error(name);
        return { files: {}, facts: { saw: needed.map(({ facts }) => facts) } };
      },
    });

  it('come after what they need, each once, and stay done when one fails', async () => {
    const place = join(folder, 'jobs');
    const first = job('first');
    const [left, right] = [job('left', [first]), job('right', [first])];
    const last = job('last', [left, right]);
    await expect(runJobs([last, job('broken', [last], true)], place, {})).rejects.toThrow('broken');
    expect(readdirSync(place)).toHaveLength(4);
    const events: ProgressEvent[] = [];
    const done = await runJobs([last], place, { progress: (event) => events.push(event) });
    expect(done.map(({ job: { title }, wasDone }) => [title, wasDone])).toEqual(
      ['first', 'left', 'right', 'last'].map((title) => [title, true]),
    );
    expect(events[0]).toMatchObject({ total: 4, unit: 'jobs' });
  });

  it('have keys by what they name, and by what they need', () => {
    expect(job('a').key).toBe(job('a').key);
    expect(job('a').key).not.toBe(job('b').key);
    expect(job('a', [job('b')]).key).not.toBe(job('a', [job('c')]).key);
  });
});
