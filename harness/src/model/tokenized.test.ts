import { describe, expect, it } from 'vitest';
import { toyEngine } from '../testing/toy-engine.js';
import { byteTokenizer, wordTokenizer } from '../testing/toy-tokenizers.js';
import { tokenizedLanguageModel } from './tokenized.js';

const tokenizer = byteTokenizer();
const logprob = (text: string) => tokenizer.encode(text).reduce((sum, id) => sum - id / 100, 0);

describe('loglikelihood', () => {
  it('hands everything over at once, longest first, and answers in request order', async () => {
    const engine = toyEngine(50);
    const model = tokenizedLanguageModel({ tokenizer, engine, name: 'toy' });
    const requests = ['b', 'bcd', 'bc'].map((continuation) => ({ context: 'a', continuation }));
    const scores = await model.loglikelihood(requests);
    expect(engine.scored.map((items) => items.map(({ ids }) => ids.length))).toEqual([[4, 3, 2]]);
    expect(scores.map((score) => score.logprob)).toEqual(['b', 'bcd', 'bc'].map(logprob));
  });

  it('scores the blanks that ended the context with the continuation', async () => {
    const engine = toyEngine(50);
    const model = tokenizedLanguageModel({ tokenizer, engine, name: 'toy' });
    await model.loglikelihood([
      { context: 'a ', continuation: 'b' },
      { context: ' ', continuation: 'b' },
    ]);
    expect(engine.scored[0]).toEqual([
      { ids: [0, 35, 101], from: 1 },
      { ids: [100, 35, 101], from: 1 },
    ]);
  });

  it('cuts long contexts from the left', async () => {
    const engine = toyEngine(3);
    const model = tokenizedLanguageModel({ tokenizer, engine, name: 'toy' });
    await model.loglikelihood([{ context: 'abcdef', continuation: 'gh' }]);
    expect(engine.scored[0]).toEqual([{ ids: tokenizer.encode('efgh'), from: 2 }]);
  });

  it('refuses a continuation without a token of its own', async () => {
    const model = tokenizedLanguageModel({ tokenizer: wordTokenizer(), engine: toyEngine(9), name: 'toy' });
    const asked = (async () => model.loglikelihood([{ context: 'x', continuation: 'y' }]))();
    await expect(asked).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('stops when told to', async () => {
    const model = tokenizedLanguageModel({ tokenizer, engine: toyEngine(9), name: 'toy' });
    const work = { signal: AbortSignal.abort() };
    const asked = (async () => model.loglikelihood([{ context: 'x', continuation: 'y' }], work))();
    await expect(asked).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('loglikelihoodRolling', () => {
  it('scores every token once, whatever the window', async () => {
    for (const maxLength of [1, 4, 100]) {
      const model = tokenizedLanguageModel({ tokenizer, engine: toyEngine(maxLength), name: 'toy' });
      const [first, second] = await model.loglikelihoodRolling(['hello world', 'x']);
      expect(first!.logprob).toBeCloseTo(logprob('hello world'), 10);
      expect([first!.tokens, second]).toEqual([11, { logprob: logprob('x'), tokens: 1 }]);
    }
  });

  it.each([
    // As lm-evaluation-harness encodes them: with a BOS of the tokenizer after that which the text follows.
    [1, null, [1, 1, 100, 101]],
    [1, true, [1, 1, 100, 101]],
    [1, false, [1, 100, 101]],
    [null, null, [0, 100, 101]],
  ])('begins a text with BOS %s and addBos %s', async (bos, addBos, ids) => {
    const engine = toyEngine(100);
    const model = tokenizedLanguageModel({ tokenizer: byteTokenizer(bos), engine, name: 'toy', addBos });
    await model.loglikelihoodRolling(['ab']);
    expect(engine.scored[0]).toEqual([{ ids, from: 1 }]);
  });

  it('puts no BOS before a text that spells it out', async () => {
    const engine = toyEngine(100);
    const model = tokenizedLanguageModel({ tokenizer: byteTokenizer(1), engine, name: 'toy' });
    await model.loglikelihoodRolling(['<s>a']);
    expect(engine.scored[0]?.[0]?.ids.slice(0, 3)).toEqual([1, 63, 118]);
  });
});

describe('generateUntil', () => {
  const ask = (maxGenTokens: number) => ({ context: 'Question: a', until: ['Q:'], maxGenTokens });

  it('stops at a stop and cuts it off', async () => {
    const engine = toyEngine(50, tokenizer.encode(' 72\nQ: next'));
    const model = tokenizedLanguageModel({ tokenizer, engine, name: 'toy' });
    expect(await model.generateUntil([ask(20)])).toEqual([' 72\n']);
  });

  it('stops at end-of-text, which is no part of the answer', async () => {
    const engine = toyEngine(50, [...tokenizer.encode(' 72'), 0, ...tokenizer.encode('more')]);
    const model = tokenizedLanguageModel({ tokenizer, engine, name: 'toy' });
    expect(await model.generateUntil([ask(20)])).toEqual([' 72']);
  });

  it('keeps the length of each request and the order of all', async () => {
    const engine = toyEngine(50, tokenizer.encode(' 12345'));
    const model = tokenizedLanguageModel({ tokenizer, engine, name: 'toy' });
    expect(await model.generateUntil([ask(2), ask(4), ask(2)])).toEqual([' 1', ' 123', ' 1']);
  });

  it('cuts prompts from the left to leave room', async () => {
    const engine = toyEngine(8);
    const model = tokenizedLanguageModel({ tokenizer, engine, name: 'toy' });
    await model.generateUntil([ask(3)]);
    expect(engine.prompts).toEqual([tokenizer.encode('on: a')]);
  });

  it('gives what follows the thinking', async () => {
    const engine = toyEngine(80, tokenizer.encode('hm</think>\n7'));
    const model = tokenizedLanguageModel({ tokenizer, engine, name: 'toy', thinkEndToken: '</think>' });
    expect(await model.generateUntil([ask(40)])).toEqual(['7']);
  });

  it('gives what follows the token that ends thinking, the last of several, or all without one', async () => {
    const model = (text: string) => {
      const engine = toyEngine(80, tokenizer.encode(text));
      const [thinkEndToken] = tokenizer.encode('#');
      return tokenizedLanguageModel({ tokenizer, engine, name: 'toy', thinkEndToken: thinkEndToken! });
    };
    expect(await model('hm#so#\n 7').generateUntil([ask(40)])).toEqual(['7']);
    expect(await model(' 7 #').generateUntil([ask(40)])).toEqual(['']);
    expect(await model(' 7').generateUntil([ask(40)])).toEqual(['7']);
    expect(model('').settings).toMatchObject({ think_end_token: tokenizer.encode('#')[0] });
  });
});

it('tells of prompts that were cut', async () => {
  const model = tokenizedLanguageModel({ tokenizer, engine: toyEngine(8), name: 'toy' });
  await model.loglikelihood([
    { context: 'ab', continuation: 'c' },
    // The last token of nine is only predicted.
    { context: 'abcdefgh', continuation: 'c' },
  ]);
  expect(model.warnings!()).toEqual([]);
  await model.loglikelihood([{ context: 'abcdefghi', continuation: 'c' }]);
  await model.generateUntil([{ context: 'abcdefgh', until: [], maxGenTokens: 3 }]);
  expect(model.warnings!()).toEqual([
    '2 prompts do not fit the context of 8 tokens and lost up to 3 tokens at the beginning, as in lm-evaluation-harness.',
  ]);
});

it('says how it was set up', () => {
  const model = tokenizedLanguageModel({ tokenizer, engine: toyEngine(9), name: 'toy', addBos: false });
  expect(model.settings).toEqual({ add_bos_token: false, max_length: 9 });
});
