import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatasets } from '../datasets/open.js';
import { prepareTask } from '../evaluation/prepare-task.js';
import type { ModelRequest } from '../requests/request.js';
import { isGroup, leaves, memberName } from '../tasks/task-group.js';
import { openTasks } from './open-tasks.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'moepress-tasks-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

const find = async (...names: string[]) => (await openTasks({ includePath: folder })).find(names);

const questions = [
  { question: 'Is snow white?\n', choices: ['yes', 'no'], answer: 0 },
  { question: 'Is coal white?', choices: ['yes', 'no'], answer: 1 },
  { question: 'Is grass red?', choices: ['yes', 'no'], answer: 1 },
];

const base = `
dataset_path: json
dataset_kwargs: {data_files: {test: test.jsonl}}
test_split: test
`;

/** The requests of a task about its first document. */
async function requests(task: string, rows: readonly object[] = questions): Promise<readonly ModelRequest[]> {
  write({
    'task.yaml': `task: made\n${base}${task}`,
    'test.jsonl': rows.map((row) => JSON.stringify(row)).join('\n'),
  });
  const [made] = await find('made');
  const prepared = await prepareTask(leaves(made!)[0]!, openDatasets(), {}, {});
  return prepared.questions[0]!.requests;
}

describe('the requests of a task file', () => {
  it('follow its templates, columns, delimiters and examples', async () => {
    expect(
      await requests(`
output_type: multiple_choice
description: "About {{question.split(' ')[1]}}.\\n"
doc_to_text: "Q: {{question.strip()}}\\n"
doc_to_choice: choices
doc_to_target: answer
gen_prefix: "A:"
target_delimiter: "~"
fewshot_delimiter: "##"
fewshot_split: test
num_fewshot: 1
fewshot_config: {sampler: first_n, doc_to_text: "{{question}}", target_delimiter: "^"}
`),
    ).toEqual(
      ['yes', 'no'].map((choice) => ({
        kind: 'loglikelihood',
        context: 'About snow.\nIs coal white?^A: no##Q: Is snow white?\nA:',
        continuation: `~${choice}`,
      })),
    );
  });

  it('have one context for each choice where the question is a number', async () => {
    const row = { before: ['He', 'She'], after: 'left.', label: '1' };
    const wino =
      'output_type: multiple_choice\ndoc_to_text: label\ndoc_to_choice: before\ndoc_to_target: after\n';
    expect(await requests(wino.replace('label', '"{{label}}"'), [row])).toEqual([
      { kind: 'loglikelihood', context: 'He', continuation: ' left.' },
      { kind: 'loglikelihood', context: 'She', continuation: ' left.' },
    ]);
  });

  it('score a continuation, or a whole text', async () => {
    const texts = 'doc_to_text: "{{question}}"\ndoc_to_target: "{{choices[0]}}"\n';
    expect(await requests(`output_type: loglikelihood\n${texts}`)).toEqual([
      { kind: 'loglikelihood', context: 'Is snow white?\n', continuation: 'yes' },
    ]);
    expect(await requests(`output_type: loglikelihood_rolling\n${texts}`)).toEqual([
      { kind: 'loglikelihood_rolling', text: 'yes' },
    ]);
  });

  it('generate up to the delimiter of examples by default', async () => {
    const texts = 'doc_to_text: "{{question}}"\ndoc_to_target: "{{choices[0]}}"\n';
    expect(await requests(texts)).toEqual([
      { kind: 'generate_until', context: 'Is snow white?\n', until: ['\n\n'], maxGenTokens: 256 },
    ]);
    expect(
      await requests(`${texts}generation_kwargs: {until: x, max_new_tokens: 5, do_sample: false}`),
    ).toEqual([{ kind: 'generate_until', context: 'Is snow white?\n', until: ['x'], maxGenTokens: 5 }]);
  });

  it.each([
    [
      'doc_to_text: "{{other}}"\ndoc_to_target: answer',
      'Row 1 makes no prompt: doc_to_text: "other" is undefined',
    ],
    ['doc_to_text: answer\ndoc_to_target: answer', 'doc_to_text gives no text'],
    [
      'doc_to_text: "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}"\ndoc_to_target: answer',
      'steps',
    ],
    [
      'output_type: multiple_choice\ndoc_to_text: ""\ndoc_to_target: answer\ndoc_to_choice: "{{answer}}"',
      'no list',
    ],
  ])('are none where templates do not fit the rows: %s', async (task, problem) => {
    const refused = requests(task);
    await expect(refused).rejects.toMatchObject({ code: 'TASK_INVALID' });
    await expect(refused).rejects.toThrow(problem);
  });
});

describe('tasks', () => {
  const plain = `${base}doc_to_text: x\ndoc_to_target: y\n`;

  it('are found by name, pattern, tag, group and path, before those of moepress', async () => {
    write({
      'a.yaml': `task: arc_easy\ntag: mine\n${plain}`,
      'b.yaml': `task: b_1\ntag: mine\n${plain}`,
      'c.yaml': `task: b_2\ninclude: part\n`,
      part: plain,
      'g.yaml':
        'group: g\ntask: [mine, {group: inner, task: [{task: b_2, num_fewshot: 3}]}]\nnum_fewshot: 2\nmetadata: {version: 1.5}\naggregate_metric_list: {metric: exact_match, weight_by_size: false}',
    });
    const names = async (...asked: string[]) => (await find(...asked)).map(memberName);
    expect(await names('arc_easy', 'mine', 'b_*')).toEqual(['arc_easy', 'b_1', 'b_2']);
    expect(await names(path.join(folder, 'c.yaml'))).toEqual(['b_2']);
    expect(await names('gsm8k_cot*')).toEqual(['gsm8k_cot', 'gsm8k_cot_llama', 'gsm8k_cot_zeroshot']);
    const [group] = await find('g');
    expect(isGroup(group!) && [group.version, group.metrics, group.members.map(memberName)]).toEqual([
      1.5,
      [{ metric: 'exact_match', filters: undefined, weightBySize: false }],
      ['arc_easy', 'b_1', 'g::inner'],
    ]);
    expect(leaves(group!).map(({ task, num_fewshot }) => [task, num_fewshot])).toEqual([
      ['arc_easy', 2],
      ['b_1', 2],
      ['b_2', 3],
    ]);
    await expect(find('b_3')).rejects.toThrow('Did you mean "b_1"');
    await expect(find('x*')).rejects.toMatchObject({ code: 'TASK_UNKNOWN', where: 'tasks[0]' });
    await expect(find('b_2', 'g')).rejects.toThrow('asked for twice');
  });

  it.each([
    [`process_docs: !function utils.process\n`, 'process_docs is utils.process in'],
    ['metric_list: [{metric: !function utils.score}]\n', 'metric_list.metric is utils.score'],
    ['filter_list: [{name: x, filter: [{function: custom, filter_fn: !function utils.f}]}]\n', 'utils.f'],
    ['class: !function task.Made\n', 'a Python class'],
    ['unsafe_code: true\n', 'runs the code'],
    ['metric_list: [{metric: rouge}]\n', 'is scored by rouge'],
    ['filter_list: [{name: x, filter: [{function: custom}]}]\n', 'filter_list.0.filter.0.function'],
    ['generation_kwargs: {typical_p: 0.5}\n', 'typical_p'],
  ])('that need more than there is are refused: %s', async (more, problem) => {
    write({ 'a.yaml': `task: a\n${plain}${more}` });
    await expect(find('a')).rejects.toMatchObject({ code: 'TASK_UNSUPPORTED' });
    await expect(find('a')).rejects.toThrow(problem);
  });

  it.each([
    ['task: a\n', 'dataset_path'],
    [`task: a\nsurprise: 1\n${plain}`, 'surprise'],
    [`task: a\n${plain.replace('test.jsonl', '../test.jsonl')}`, 'does not lie beside'],
    ['group: a\ntask: [a]\n', 'contains itself'],
    ['group: a\ntask: [none]\n', 'There is no task none'],
  ])('that are none are refused: %j', async (text, problem) => {
    write({ 'a.yaml': text });
    await expect(find('a')).rejects.toMatchObject({ code: 'TASK_INVALID' });
    await expect(find('a')).rejects.toThrow(problem);
  });
});
