import { describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import type { LanguageModel, TokenMovement } from '../model/language-model.js';
import { renderTable } from '../results/results-table.js';
import { fakeModel } from '../testing/fake-model.js';
import { school, schoolAnswers } from '../testing/school.js';
import { endsInLoop } from './loops.js';
import { isInAnotherScript } from './scripts.js';

describe('endsInLoop', () => {
  const unit = 'The answer is forty-two, I think. ';

  it('finds one unit of any length that stands at the end four times', () => {
    expect(endsInLoop(`So: ${unit.repeat(4)}`)).toBe(true);
    expect(endsInLoop(`So: ${unit.repeat(5).slice(0, -7)}`)).toBe(true);
    expect(endsInLoop(`So: ${unit.repeat(3)}`)).toBe(false);
    expect(endsInLoop(`${unit.repeat(9)}But then it ends.`)).toBe(false);
    expect(endsInLoop('word word '.repeat(200))).toBe(true);
    expect(endsInLoop('😀🙃'.repeat(20))).toBe(true);
  });

  it('takes short runs for none', () => {
    expect(endsInLoop('')).toBe(false);
    expect(endsInLoop('Hmmmmmmmmm')).toBe(false);
    expect(endsInLoop(`It is 1${'0'.repeat(38)}`)).toBe(false);
    expect(endsInLoop(`It is 1${'0'.repeat(40)}`)).toBe(true);
  });
});

describe('isInAnotherScript', () => {
  it('compares what most letters are written in', () => {
    expect(isInAnotherScript('What is the capital of France?', 'It is Paris, of course.')).toBe(false);
    expect(
      isInAnotherScript('What is the capital of France?', '法国的首都是巴黎，这是众所周知的事实。'),
    ).toBe(true);
    expect(isInAnotherScript('フランスの首都はどこですか', '法国的首都是巴黎，这是众所周知的事实。')).toBe(
      false,
    );
    expect(isInAnotherScript('Столица Франции?', 'The capital is Paris.')).toBe(true);
  });

  it('says nothing of formulas, choices and questions without letters', () => {
    expect(isInAnotherScript('法国的首都是', 'A')).toBe(false);
    expect(isInAnotherScript('Столица Франции?', 'x = 3 + 4')).toBe(false);
    expect(isInAnotherScript('1 + 1 =', 'It is obviously two.')).toBe(false);
  });
});

/** A model each of whose answers has two tokens, moved by 0 to 1 nat. */
function movedModel(): LanguageModel {
  const model = fakeModel(schoolAnswers);
  let asked = 0;
  const next = (): readonly TokenMovement[] => {
    asked++;
    return [
      [(asked % 5) / 4, asked % 2 === 0 ? 1 : 0],
      [0, 1],
    ];
  };
  return {
    ...model,
    against: 'original',
    async loglikelihood(requests) {
      return (await model.loglikelihood(requests)).map((score) => ({ ...score, movement: next() }));
    },
    async generateUntil(requests) {
      return requests.map((_, i) =>
        i === 0 ? 'again and '.repeat(9) : i === 1 ? '' : 'Слово за словом, день за днём.',
      );
    },
  };
}

it('is told of each task beside its scores, over its tokens and generated answers', async () => {
  const tasks = ['arc_easy', 'gsm8k'];
  const { record } = await evaluate({ tasks, model: movedModel(), data: school, limit: 4, numFewshot: 0 });
  const { arc_easy: facts, gsm8k: gsm } = record.movements!;
  const requests = record['n-samples'].arc_easy!.effective * 3;
  expect(facts).toMatchObject({ tokens: 2 * requests });
  expect(facts).not.toHaveProperty('loops');
  // Of the answers, the empty one has no tokens.
  expect(gsm).toMatchObject({ tokens: 6, loops: 0.25, other_script: 0.5 });
  expect(record.movement!.tokens).toBe(facts!.tokens + gsm!.tokens);
  const { kl_mean, kl_p99, top1_agreement } = facts!;
  expect(kl_mean).toBeGreaterThan(0.1);
  expect(kl_p99).toBe(1);
  expect(top1_agreement).toBeGreaterThan(0.5);
  expect(record.against).toBe('original');
  const [heads, , ...rows] = renderTable(record).split('\n');
  expect(heads).toMatch(/Stderr *\| *KL *\| *KL p99 *\| *Top-1 *\| *Loops *\| *Script *\|$/);
  expect(rows.find((row) => row.includes('gsm8k'))).toMatch(/\| *0\.25\| *0\.50?\|$/);
});

it('is not spoken of where nothing was compared', async () => {
  const { record } = await evaluate({ tasks: ['arc_easy'], model: fakeModel(), data: school, limit: 2 });
  expect(record).not.toHaveProperty('movements');
  expect(renderTable(record)).not.toContain('KL');
});
