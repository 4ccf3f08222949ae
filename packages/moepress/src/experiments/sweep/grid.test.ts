import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder } from '../../../cli/e2e/command.js';
import { combinations, factorsOf, readGrid } from './grid.js';

const read = (text: string) =>
  inTemporaryFolder(async (folder) => {
    const file = join(folder, 'grid.yaml');
    writeFileSync(file, text);
    return (await readGrid(file)).data;
  });

describe('combinations', () => {
  it('are all of the listed values, the last option fastest', () => {
    const options = { scoring: ['a', 'b'], keep: [4, 8, 4], align: 64 };
    expect(combinations({ options }).map((one) => Object.values(one).join(' '))).toEqual([
      'a 4 64',
      'a 8 64',
      'a 4 64',
      'b 4 64',
      'b 8 64',
      'b 4 64',
    ]);
    expect(combinations({ options: {} })).toEqual([{}]);
  });

  it('vary what has more than one value', () => {
    expect(factorsOf({ options: { scoring: ['a', 'b'], keep: [4], align: 64, floor: [0, 0] } })).toEqual([
      'scoring',
    ]);
  });
});

describe('readGrid', () => {
  it('fills in what is not said', async () => {
    expect(await read('model: tiny\nmethod: moe-to-dense\noptions: { keep: [4, 8] }')).toEqual({
      title: 'Sweep',
      model: 'tiny',
      revision: null,
      method: 'moe-to-dense',
      options: { keep: [4, 8] },
      seed: 0,
      tasks: [],
    });
  });

  it.each([
    ['a task that does not exist', 'tasks: [tiny_fact]', 'TASK_UNKNOWN', 4],
    ['a calibration set that does not', 'calibration: "no(such)"', 'CALIBRATION_INVALID', 4],
    ['a ranking by what is not asked', 'by: tiny_facts', 'INPUT_INVALID', 4],
    ['an option without values', 'seed: 1\noptions: { keep: [] }', 'INPUT_INVALID', 5],
    ['a key it does not know', 'metod: x', 'INPUT_INVALID', 4],
    ['far too many', `options: { a: [${'1,'.repeat(200)}], b: [${'1,'.repeat(200)}] }`, 'INPUT_INVALID', 4],
  ])('refuses %s, naming the line', async (_, line, code, number) => {
    const options = line.includes('options') ? '# as below' : 'options: {}';
    const error = await read(`model: tiny\nmethod: x\n${options}\n${line}`).catch((thrown) => thrown);
    expect(error).toMatchObject({ code });
    expect(error.where).toMatch(new RegExp(`grid.yaml:${number}$`));
  });
});
