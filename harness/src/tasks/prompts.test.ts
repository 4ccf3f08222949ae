import { describe, expect, it } from 'vitest';
import { prepareTask } from '../evaluation/prepare-task.js';
import type { LoglikelihoodRequest } from '../requests/request.js';
import { memoryDatasets } from '../testing/memory.js';
import { findTask } from './registry.js';

const lettered = { choices: { text: ['a cup', 'a hat '], label: ['A', 'B'] } };

const statements = ['Ann has a dog.', 'Ben has a cat.', 'Cleo has a fish.', 'Dora has a hen.'];
const entailments = statements.map((premise, i) => ({ premise, hypothesis: `${i}?`, idx: i, label: i % 2 }));

const data = memoryDatasets({
  'allenai/ai2_arc/ARC-Challenge/test': [{ question: 'What holds tea?', ...lettered, answerKey: 'A' }],
  'aps/super_glue/boolq/validation': [{ question: 'is it hot', passage: 'Sun -- It is hot.', label: 1 }],
  'allenai/openbookqa/test': [{ question_stem: 'Tea is held by', ...lettered, answerKey: ' A' }],
  'baber/piqa/validation': [{ goal: 'Drink', sol1: 'Use a cup ', sol2: 'Use a hat', label: 0 }],
  'allenai/winogrande/validation': [
    { sentence: 'Ann thanked Eva because _ had helped .', option1: 'Ann', option2: 'Eva', answer: '2' },
  ],
  'allenai/winogrande/train': [
    { sentence: 'The cup fits the bag as the _ is big.', option1: 'cup', option2: 'bag', answer: '2' },
    { sentence: '_ fell.', option1: 'Rain', option2: 'Sun', answer: '1' },
  ],
  'aps/super_glue/rte/validation': entailments.slice(0, 1),
  'aps/super_glue/rte/train': entailments,
  'lighteval/siqa/validation': [
    { context: 'Ann fell.', question: 'Why?', answerA: 'ice', answerB: 'sun', answerC: 'tea', label: '1' },
  ],
  'cais/mmlu/college_physics/test': [
    { question: ' What is c? ', subject: 'college_physics', choices: ['1', '2', '3', '4'], answer: 2 },
  ],
  'cais/mmlu/college_physics/dev': [
    { question: 'Is g 9.81?', subject: 'college_physics', choices: ['no', 'yes', '?', '!'], answer: 1 },
    { question: 'Is h 1?', subject: 'college_physics', choices: ['no', 'yes', '?', '!'], answer: 0 },
  ],
});

async function asked(name: string, numFewshot = 0) {
  const { task, questions } = await prepareTask(findTask(name), data, { numFewshot }, {});
  const { document, requests } = questions[0]!;
  return {
    requests: (requests as LoglikelihoodRequest[]).map(({ context, continuation }) => [
      context,
      continuation,
    ]),
    gold: task.doc_to_target.render(document.fields),
  };
}

describe('the requests of', () => {
  it.each([
    ['arc_challenge', 'Question: What holds tea?\nAnswer:', [' a cup', ' a hat '], 0],
    ['boolq', 'Sun -- It is hot.\nQuestion: is it hot?\nAnswer:', [' no', ' yes'], 1],
    ['openbookqa', 'Tea is held by', [' a cup', ' a hat '], 0],
    ['piqa', 'Question: Drink\nAnswer:', [' Use a cup ', ' Use a hat'], 0],
    ['sglue_rte', 'Ann has a dog.\nQuestion: 0? True or False?\nAnswer:', [' True', ' False'], 0],
    ['social_iqa', 'Q: Ann fell. Why?\nA:', [' ice', ' sun', ' tea'], 0],
    [
      'mmlu_college_physics',
      'The following are multiple choice questions (with answers) about college physics.\n\nWhat is c?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:',
      [' A', ' B', ' C', ' D'],
      2,
    ],
  ])('%s are its choices after one context', async (name, context, continuations, gold) => {
    expect(await asked(name)).toEqual({ requests: continuations.map((text) => [context, text]), gold });
  });

  it('winogrande are one rest of a sentence after two beginnings', async () => {
    expect(await asked('winogrande')).toEqual({
      requests: [
        ['Ann thanked Eva because Ann', ' had helped .'],
        ['Ann thanked Eva because Eva', ' had helped .'],
      ],
      gold: 1,
    });
  });
});

describe('the examples of', () => {
  it('mmlu are always the first, after one description', async () => {
    const { requests } = await asked('mmlu_college_physics', 1);
    expect(requests[0]![0]).toBe(
      'The following are multiple choice questions (with answers) about college physics.\n\nIs g 9.81?\nA. no\nB. yes\nC. ?\nD. !\nAnswer: B\n\nWhat is c?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:',
    );
  });

  it('winogrande are whole sentences', async () => {
    const { requests } = await asked('winogrande', 1);
    const [example] = (requests[0]![0] as string).split('\n\n');
    expect(['The cup fits the bag as the bag is big.', 'Rain fell.']).toContain(example);
  });

  it('a task without a test split never hold the document itself', async () => {
    const { requests } = await asked('sglue_rte', 3);
    const context = requests[0]![0] as string;
    expect(context.split(statements[0]!)).toHaveLength(2);
    for (const statement of statements) expect(context).toContain(statement);
  });

  it('such a task are one fewer than there are', async () => {
    await expect(asked('sglue_rte', 4)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
