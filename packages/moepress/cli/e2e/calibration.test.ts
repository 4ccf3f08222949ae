import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { CompressionPlan } from '@moepress/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moepress } from './command.js';

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const names = ['Ann', 'Leo', 'Mia', 'Rob', 'Eva'];
const texts = names.map((name) => ({ text: `${name} is in the barn. Then ${name} goes to the hall.` }));

const files: Readonly<Record<string, string | Buffer>> = {
  'a.txt': texts.map(({ text }) => text).join('\n\n'),
  'a.jsonl': lines(texts),
  'a.jsonl.gz': gzipSync(lines(texts.map(({ text }) => ({ body: text })))),
  'data/some/barns/default/train.jsonl': lines(texts.map(({ text }) => ({ body: text }))),
  'data/Salesforce/wikitext/wikitext-2-raw-v1/train.jsonl': lines(
    names.flatMap((name) => [` = ${name} = \n`, '', ` ${name} buys 5 bags . \n`].map((text) => ({ text }))),
  ),
  'data/openai/gsm8k/main/train.jsonl': lines(
    names.map((name, i) => ({ question: `${name} buys ${i} eggs. How many?`, answer: `#### ${i}` })),
  ),
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-calibration-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

function compress(...calibration: readonly string[]) {
  const method = ['--method', 'frequency', '--ratio', '0.25', '--plan-only', '--data', 'data', '--json'];
  return moepress(['compress', 'tiny', ...method, ...calibration], { cwd: folder });
}

describe('moepress compress --calibration', () => {
  it.each([
    ['a.txt', 5],
    ['a.jsonl:2x16', 2],
    ['a.jsonl.gz[body]:3', 3],
    ['some/barns[default,train,body]:4', 4],
    ['wikitext:3x16', 3],
    ['gsm8k[train]:3', 3],
    ['tiny:2x64', 2],
    ['tiny_gsm[train]:2+gsm8k[train]:5', 7],
  ])('measures on %s', async (calibration, sequences) => {
    const { code, stdout } = await compress('--calibration', calibration, '--seed', '3');
    expect(code).toBe(0);
    const plan: CompressionPlan = JSON.parse(stdout);
    expect(plan.calibration).toMatchObject({ source: calibration, seed: 3, sequences });
    const packed = /:(\d+)x(\d+)$/.exec(calibration);
    if (packed) expect(plan.calibration!.tokens).toBe(Number(packed[1]) * Number(packed[2]));
    else expect(plan.calibration!.tokens).toBeGreaterThan(5 * sequences);
  });

  it.each([
    ['tiny[', 'CALIBRATION_INVALID', 1],
    ['a.txt:99', 'CALIBRATION_INVALID', 1],
    ['a.jsonl[body]', 'CALIBRATION_INVALID', 1],
    ['gsm[train]', 'TASK_UNKNOWN', 2],
  ])('refuses %s', async (calibration, code, exitCode) => {
    const { stderr, ...outcome } = await compress('--calibration', calibration);
    expect(outcome).toMatchObject({ code: exitCode, stdout: '' });
    expect(JSON.parse(stderr.trim().split('\n').at(-1)!)).toMatchObject({ type: 'error', code });
  });
});
