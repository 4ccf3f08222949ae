import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tinyModel } from './index.js';

const lines = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n');
const documents = (file: string) =>
  readFileSync(file, 'utf8')
    .split(/\n\s*\n/)
    .filter(Boolean);

describe('the embedded model', () => {
  test('is named by absolute paths', () => {
    for (const path of Object.values(tinyModel)) expect(isAbsolute(path)).toBe(true);
  });

  test('is a complete checkpoint', () => {
    for (const file of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
      expect(statSync(join(tinyModel.directory, file)).size).toBeGreaterThan(100);
    }
  });

  test.each([
    ['tiny_gsm.test', 400, ['question', 'answer']],
    ['tiny_gsm.train', 400, ['question', 'answer']],
    ['tiny_facts.test', 480, ['question', 'choices', 'answerKey']],
    ['tiny_where.test', 400, ['passage', 'question', 'choices', 'answerKey']],
  ])('%s has %i rows', (name, count, columns) => {
    const rows = lines(join(tinyModel.tasksDirectory, `${name}.jsonl`)).map((line) => JSON.parse(line));
    expect(rows).toHaveLength(count);
    for (const row of rows) expect(Object.keys(row)).toEqual(expect.arrayContaining(columns));
  });

  test('brings calibration and held-out documents', () => {
    expect(documents(tinyModel.calibrationFile)).toHaveLength(1500);
    expect(documents(tinyModel.heldoutFile)).toHaveLength(300);
  });
});
