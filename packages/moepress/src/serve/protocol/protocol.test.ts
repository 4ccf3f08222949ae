import { describe, expect, it } from 'vitest';
import { parseChat } from './chat.js';
import { isScoring, parseCompletion } from './completion.js';

const user = (content: unknown) => ({ role: 'user', content });
const refused = (param: string) => expect.objectContaining({ status: 400, param });

describe('parseChat', () => {
  const messages = [user('x')];
  it.each([
    [{}, 'messages'],
    [{ messages: [user([{ type: 'image_url', image_url: {} }])] }, 'messages.0.content'],
    [{ messages: [user([])] }, 'messages.0.content'],
    [{ messages, top_logprobs: 1 }, 'top_logprobs'],
    [{ messages, logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    [{ messages, tools: [{}] }, 'tools'],
    [{ messages, tool_choice: 'required' }, 'tool_choice'],
    [{ messages, response_format: { type: 'json_object' } }, 'response_format.type'],
    [{ messages, modalities: ['audio'] }, 'modalities.0'],
    [{ messages, max_tokens: 0 }, 'max_tokens'],
    [{ messages, reasoning_effort: 'low' }, 'reasoning_effort'],
  ])('refuses %j', (body, param) => {
    expect(() => parseChat(body)).toThrow(refused(param));
  });

  it('takes null for nothing, and what changes nothing', () => {
    const neutral = {
      model: null,
      temperature: null,
      tools: [],
      tool_choice: 'none',
      response_format: { type: 'text' },
      user: 'me',
      metadata: { a: '1' },
      n: 1,
      store: false,
      frequency_penalty: 0,
      anything_else: null,
    };
    const { model, sampling, logprobs, maxTokens } = parseChat({ messages, ...neutral });
    expect({ model, logprobs, maxTokens }).toEqual({ model: undefined, logprobs: null, maxTokens: null });
    expect(sampling).toMatchObject({ temperature: 0, topP: 1, topK: null, frequencyPenalty: 0 });
  });
});

describe('parseCompletion', () => {
  const prompt = 'x';
  it.each([
    [[], null],
    [{}, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [[1], []] }, 'prompt'],
    [{ prompt: [1, -1] }, 'prompt'],
    [{ prompt: [1, 'x'] }, 'prompt'],
    [{ prompt, temperature: -1 }, 'temperature'],
    [{ prompt, temperature: 1, top_p: 0 }, 'top_p'],
    [{ prompt, top_p: 0.5 }, 'top_p'],
    [{ prompt, top_k: 5 }, 'top_k'],
    [{ prompt, n: 2 }, 'n'],
    [{ prompt, n: 2, best_of: 3, temperature: 1 }, 'best_of'],
    [{ prompt, frequency_penalty: 2.1 }, 'frequency_penalty'],
    [{ prompt, logit_bias: { '7': 101 } }, 'logit_bias.7'],
    [{ prompt, logit_bias: { x: 1 } }, 'logit_bias.x'],
    [{ prompt, min_p: 0.1 }, 'min_p'],
    [{ prompt, repetition_penalty: 1.1 }, 'repetition_penalty'],
    [{ prompt, suffix: 'y' }, 'suffix'],
    [{ prompt, stop: 'x'.repeat(1025) }, 'stop'],
    [{ prompt, stop: Array.from({ length: 65 }, () => 'x') }, 'stop'],
    [{ prompt, echo: true, logprobs: 2 }, 'logprobs'],
    [{ prompt, echo: true, stream: true }, 'echo'],
    [{ prompt, stream_options: { include_usage: true } }, 'stream_options'],
    [{ prompt, guided_json: {} }, 'guided_json'],
    [{ prompt, ['x'.repeat(500)]: 1 }, `${'x'.repeat(100)}…`],
  ])('refuses %j', (body, param) => {
    expect(() => parseCompletion(body)).toThrow(refused(param as string));
  });

  it('reads how an answer is chosen', () => {
    const { sampling, choices, stops, stream } = parseCompletion({
      prompt,
      temperature: 0.7,
      top_p: 0.9,
      top_k: 40,
      seed: 5,
      presence_penalty: 1,
      frequency_penalty: -0.5,
      logit_bias: { 3: -100, 4: 0 },
      n: 2,
      best_of: 2,
      stop: ['', 'a'],
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(sampling).toEqual({
      temperature: 0.7,
      topP: 0.9,
      topK: 40,
      seed: 5,
      presencePenalty: 1,
      frequencyPenalty: -0.5,
      logitBias: new Map([[3, -100]]),
    });
    expect({ choices, stops, stream }).toEqual({ choices: 2, stops: ['a'], stream: { includeUsage: true } });
  });

  it('tells what harnesses ask to score a prompt', () => {
    const scoring = { prompt: [1, 2], temperature: 0, max_tokens: 1, logprobs: 1, seed: 1234, echo: true };
    expect(isScoring(parseCompletion(scoring))).toBe(true);
    expect(isScoring(parseCompletion({ ...scoring, temperature: 1 }))).toBe(false);
    expect(isScoring(parseCompletion({ ...scoring, max_tokens: 2 }))).toBe(false);
  });
});
