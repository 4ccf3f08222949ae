import { describe, expect, it } from 'vitest';
import { golden, shared } from '../testing/reference.js';
import { byteTokenizer } from '../testing/toy-tokenizers.js';
import { cutAnswer, stopDetector, stopSequences } from './stops.js';

const tokenizer = byteTokenizer();
const ids = (text: string) => tokenizer.encode(text);

describe('stopDetector', () => {
  const seen = stopDetector(tokenizer, ['Q:', '<|end|>']);

  it('sees a stop among the last tokens only', () => {
    expect(seen(ids('text Q:'))).toBe(true);
    expect(seen(ids('text Q: x'))).toBe(true);
    expect(seen(ids('text Q: more'))).toBe(false);
    expect(seen(ids('text'))).toBe(false);
  });

  it('sees a special token', () => {
    expect(seen([...ids('text'), 0])).toBe(true);
  });
});

it('cuts at each stop in turn', () => {
  expect(cutAnswer('a Q: b Question: c', ['Question:', 'Q:'], null)).toBe('a ');
  expect(cutAnswer('abc', ['', 'z'], null)).toBe('abc');
});

it('drops the thinking and the blanks after it', () => {
  expect(cutAnswer('<think>hm</think>\n 7', [], '</think>')).toBe('7');
});

it('adds end-of-text to the stops, once', () => {
  expect(stopSequences(['a', '</s>'], '</s>')).toEqual(['a', '</s>']);
  expect(stopSequences(['a'], '</s>')).toEqual(['a', '</s>']);
  expect(stopSequences(['a'], null)).toEqual(['a']);
});

type Line =
  | { text: string; stop: string[]; think_end_token: string | null; out: string }
  | { until: string[] | string | null; eos: string | null; stop_sequences: string[] };

describe.runIf(shared)('lm-evaluation-harness', () => {
  it('cuts generations at the same place', () => {
    for (const line of golden<Line>('generation_post.jsonl')) {
      if ('text' in line) expect(cutAnswer(line.text, line.stop, line.think_end_token)).toBe(line.out);
      if ('eos' in line) {
        const until = typeof line.until === 'string' ? [line.until] : (line.until ?? []);
        expect(stopSequences(until, line.eos)).toEqual(line.stop_sequences);
      }
    }
  });
});
