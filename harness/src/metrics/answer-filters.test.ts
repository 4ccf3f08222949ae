import { describe, expect, it } from 'vitest';
import { filterPipelineSchema } from '../tasks/filter-schema.js';
import { chainOfThoughtFilters, finalAnswerFilters, gsmExactMatch, gsmFilters } from '../tasks/gsm.js';
import { golden, shared } from '../testing/reference.js';
import { applyFilters } from './answer-filters.js';
import { exactMatch } from './metrics.js';

const [strict, flexible] = gsmFilters;

describe('the filters of GSM8K', () => {
  it.each([
    ['#### 72', '72', '72'],
    ['#### 1\n#### 2', '1', '2'],
    ['so $1,000. left', '[invalid]', '$1,000.'],
    ['#### -5', '-5', '-5'],
    ['####72', '[invalid]', '72'],
    ['nothing', '[invalid]', '[invalid]'],
    ['', '[invalid]', '[invalid]'],
    ['about 7 or 8.5', '[invalid]', '8.5'],
  ])('%j', (response, first, last) => {
    expect(applyFilters(strict!, [response])).toBe(first);
    expect(applyFilters(flexible!, [response])).toBe(last);
  });

  it('take the first of several responses', () => {
    expect(applyFilters(strict!, ['#### 1', '#### 2'])).toBe('1');
  });
});

it("the strict filter of a chain of thought eats the character after the number, if there's one", () => {
  const answer = (response: string) => applyFilters(chainOfThoughtFilters[0]!, [response]);
  expect(answer('The answer is 72.\n')).toBe('72');
  expect(answer('So 5. The answer is 1,000 and')).toBe('1,000');
  expect(answer('The answer is 72')).toBe('7');
  expect(answer('The answer is 7')).toBe('[invalid]');
});

interface Filtered {
  components: [string, object | null][];
  resps: string[][];
  filtered: string[];
}

interface Scored {
  task: string;
  target: string;
  response: string;
  'strict-match': { extracted: string; exact_match: number };
  'flexible-extract': { extracted: string; exact_match: number };
}

describe.runIf(shared)('the filters of lm-evaluation-harness', () => {
  it.each([
    ['gsm8k', gsmFilters],
    ['gsm8k_cot', chainOfThoughtFilters],
    ['gsm8k_cot_zeroshot', chainOfThoughtFilters],
    ['gsm8k_cot_llama', finalAnswerFilters],
  ])('extract and score the same from answers to %s', (name, filters) => {
    const lines = golden<Scored>('filters_gsm8k.jsonl').filter(({ task }) => task === name);
    expect(lines.length).toBeGreaterThan(100);
    for (const line of lines) {
      for (const pipeline of filters) {
        const extracted = applyFilters(pipeline, [line.response]);
        const exact_match = exactMatch(String(extracted), line.target, gsmExactMatch);
        expect({ extracted, exact_match }, line.response).toEqual(line[pipeline.name as 'strict-match']);
      }
    }
  });

  it('make the same of several answers', () => {
    const lines = golden<Filtered>('filters_misc.jsonl');
    expect(lines.length).toBeGreaterThan(5);
    for (const { components, resps, filtered } of lines) {
      const pipeline = filterPipelineSchema.parse({
        name: 'x',
        filter: components.map(([name, options]) => ({ function: name, ...options })),
      });
      expect(resps.map((responses) => applyFilters(pipeline, responses))).toEqual(filtered);
    }
  });
});
