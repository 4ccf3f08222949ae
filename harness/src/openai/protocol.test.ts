import { describe, expect, it } from 'vitest';
import { stopSequences } from '../model/stops.js';
import { attemptsOf, limitsOf } from '../requests/generation.js';
import { golden, shared } from '../testing/reference.js';
import { generationBody, readScores, readTexts, scoringBody } from './protocol.js';

it('calls a token greedy that nothing beside it beats', () => {
  const logprobs = {
    token_logprobs: [null, -1, -2, -9],
    top_logprobs: [null, { a: -1 }, { b: -2, c: -0.5 }, { d: -9 }],
  };
  const scores = (from: number, length: number) =>
    readScores({ choices: [{ index: 0, logprobs }] }, [{ ids: Array(length).fill(7), from }], 'url');
  expect(scores(1, 3)).toEqual([{ logprob: -3, isGreedy: false }]);
  expect(() => scores(1, 2)).toThrow(expect.objectContaining({ code: 'SERVER_UNSUITABLE' }));
  expect(() => scores(0, 3)).toThrow(
    expect.objectContaining({ message: expect.stringContaining('token 0') }),
  );
});

it('reads log-probabilities of minus infinity, and none that are no number', () => {
  const read = (worst: number) => {
    const logprobs = {
      token_logprobs: [null, worst, -1],
      top_logprobs: [null, { a: -1, b: worst }, { c: -1 }],
    };
    return readScores({ choices: [{ index: 0, logprobs }] }, [{ ids: [1, 2], from: 1 }], 'url');
  };
  expect(read(Number.NEGATIVE_INFINITY)).toEqual([{ logprob: Number.NEGATIVE_INFINITY, isGreedy: false }]);
  expect(() => read(Number.NaN)).toThrow(expect.objectContaining({ code: 'SERVER_UNSUITABLE' }));
});

type Line =
  | { kind: 'loglikelihood'; messages: number[][]; payload: unknown }
  | {
      kind: 'generate';
      messages: string[];
      gen_kwargs: { temperature: number; until: string[] };
      eos: string | null;
      payload: { seed: number };
    }
  | { kind: 'parse_logprobs'; response: unknown; ctxlens: number[]; out: [number, boolean][] }
  | { kind: 'parse_generations'; response: unknown; out: string[] };

describe.runIf(shared)("lm-evaluation-harness' local-completions", () => {
  it('sends and reads the same', () => {
    const kinds = new Set<string>();
    for (const line of golden<Line>('local_completions.jsonl')) {
      if (line.kind === 'loglikelihood') expect(scoringBody('m', line.messages)).toEqual(line.payload);
      if (line.kind === 'generate') {
        // Only ids are sent.
        const { until, maxGenTokens: maxTokens } = limitsOf(line.gen_kwargs);
        const [sampling] = attemptsOf(line.gen_kwargs, 1, line.payload.seed);
        const options = { maxTokens, stop: stopSequences(until, line.eos), sampling };
        const { prompt: _, ...rest } = generationBody('m', [[1]], options);
        expect({ ...rest, prompt: line.messages }).toEqual(line.payload);
      }
      if (line.kind === 'parse_logprobs') {
        const items = line.ctxlens.map((from) => ({ ids: [0, 0, 0, 0], from }));
        const scores = readScores(line.response, items, 'url');
        expect(scores.map(({ logprob, isGreedy }) => [logprob, isGreedy])).toEqual(line.out);
      }
      if (line.kind === 'parse_generations') {
        expect(readTexts(line.response, line.out.length, 'url')).toEqual(line.out);
      }
      kinds.add(line.kind);
    }
    expect(kinds.size).toBe(4);
  });
});
