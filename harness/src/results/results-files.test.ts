import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import { fakeModel } from '../testing/fake-model.js';
import { school } from '../testing/school.js';
import { type Evaluation, loadSamples, saveEvaluation } from './results-files.js';

let folder: string;
let evaluation: Evaluation;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moepress-results-'));
  const model = { ...fakeModel(), name: 'org/model:7' };
  evaluation = await evaluate({ tasks: ['arc_easy', 'wikitext'], model, data: school });
});
afterAll(() => rm(folder, { recursive: true }));

it("names its files as lm-evaluation-harness does, in the model's folder", async () => {
  const file = await saveEvaluation(evaluation, folder);
  const names = (await readdir(path.join(folder, 'org__model__7'))).sort();
  const [time] = /\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d+/.exec(file) ?? [];
  expect(names).toEqual([
    `results_${time}.json`,
    `samples_arc_easy_${time}.jsonl`,
    `samples_wikitext_${time}.jsonl`,
  ]);
});

it.each([
  ['..', '..__'],
  ['.', '.__'],
  ['', '__'],
  ['a\0b', 'a_b'],
  ['x'.repeat(5000), 'x'.repeat(200)],
])('puts results of %j into the folder it is given', async (name, expected) => {
  const model = { ...fakeModel(), name };
  const one = await evaluate({ tasks: ['arc_easy'], model, data: school, limit: 1 });
  const inner = path.join(folder, `of-${expected.slice(0, 5)}`);
  const file = await saveEvaluation(one, inner);
  expect(path.relative(inner, path.dirname(file))).toBe(expected);
});

it('writes the record and the samples', async () => {
  const file = await saveEvaluation(evaluation, folder);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(evaluation.record);
  const lines = await readFile(
    file.replace('results_', 'samples_arc_easy_').replace('.json', '.jsonl'),
    'utf8',
  );
  const samples = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(samples).toEqual(evaluation.samples.arc_easy);
});

it('reads samples back', async () => {
  const file = await saveEvaluation(evaluation, folder);
  expect(await loadSamples(file)).toEqual(evaluation.samples);
});

it('says what it could not read', async () => {
  const file = await saveEvaluation(evaluation, path.join(folder, 'damaged'));
  const samples = file.replace('results_', 'samples_arc_easy_').replace('.json', '.jsonl');
  await writeFile(samples, '{"doc_id":0}\n');
  await expect(loadSamples(file)).rejects.toMatchObject({ code: 'DATASET_INVALID', where: samples });
  await rm(samples);
  expect(Object.keys(await loadSamples(file))).toEqual(['wikitext']);
  await rm(samples.replace('arc_easy', 'wikitext'));
  await expect(loadSamples(file)).rejects.toMatchObject({ code: 'INPUT_INVALID', where: file });
  await expect(loadSamples(samples)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await writeFile(file, '[]');
  await expect(loadSamples(file)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

it('says what it could not write', async () => {
  const file = path.join(folder, 'file');
  await writeFile(file, '');
  await expect(saveEvaluation(evaluation, file)).rejects.toMatchObject({ code: 'WRITE_FAILED' });
});
