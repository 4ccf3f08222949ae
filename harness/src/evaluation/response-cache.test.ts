import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import type { LanguageModel } from '../model/language-model.js';
import { fakeModel } from '../testing/fake-model.js';
import { school, schoolAnswers } from '../testing/school.js';
import { openResponseCache } from './response-cache.js';

const identity = { model: 'org/model', plan: null, max_length: 2048 };
const pair = { kind: 'loglikelihood', context: 'a', continuation: ' b' } as const;
const prompt = { kind: 'generate_until', context: 'a', until: ['\n'], maxGenTokens: 8 } as const;
const score = { logprob: -1.25, isGreedy: true };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moepress-answers-'));
});
afterEach(() => rm(folder, { recursive: true }));

const onlyFile = async () => path.join(folder, (await readdir(folder))[0]!);

describe('the cache', () => {
  it('knows in a later process what it was given', async () => {
    const cache = await openResponseCache(folder, identity);
    expect(cache.get(pair)).toBeUndefined();
    await cache.add([[pair, score]]);
    await cache.add([[prompt, 'text\n"quoted" 😀']]);
    const later = await openResponseCache(folder, { max_length: 2048, plan: null, model: 'org/model' });
    expect([later.get(pair), later.get(prompt)]).toEqual([score, 'text\n"quoted" 😀']);
    expect(later.get({ ...prompt, maxGenTokens: 9 })).toBeUndefined();
  });

  it('gives back every bit of a number', async () => {
    const cache = await openResponseCache(folder, identity);
    await fc.assert(
      fc.asyncProperty(
        fc.double({ noDefaultInfinity: true, noNaN: true, max: 0 }),
        fc.nat(),
        async (logprob, n) => {
          const request = { kind: 'loglikelihood_rolling', text: `${n} ${logprob}` } as const;
          await cache.add([[request, { logprob, tokens: n }]]);
          expect((await openResponseCache(folder, identity)).get(request)).toEqual({
            logprob: logprob + 0,
            tokens: n,
          });
        },
      ),
      { numRuns: 20 },
    );
  });

  it('keeps models apart', async () => {
    await (await openResponseCache(folder, identity)).add([[pair, score]]);
    expect((await openResponseCache(folder, { ...identity, plan: 'x' })).get(pair)).toBeUndefined();
  });

  it('passes over a line that was torn, and writes behind it', async () => {
    await (await openResponseCache(folder, identity)).add([[pair, score]]);
    await appendFile(await onlyFile(), '{"key":"12');
    const cache = await openResponseCache(folder, identity);
    expect(cache.get(pair)).toEqual(score);
    await cache.add([[prompt, 'text']]);
    expect((await openResponseCache(folder, identity)).get(prompt)).toBe('text');
  });

  it('does not believe an answer of another kind', async () => {
    await (await openResponseCache(folder, identity)).add([[pair, score]]);
    const file = await onlyFile();
    await writeFile(file, (await readFile(file, 'utf8')).replace('true', '"true"'));
    expect((await openResponseCache(folder, identity)).get(pair)).toBeUndefined();
  });

  it('says what it cannot read or write', async () => {
    await (await openResponseCache(folder, identity)).add([[pair, score]]);
    const file = await onlyFile();
    await rm(file);
    await mkdir(file);
    await expect(openResponseCache(folder, identity)).rejects.toMatchObject({ code: 'INPUT_INVALID' });

    const cache = await openResponseCache(path.join(folder, 'later'), identity);
    await writeFile(path.join(folder, 'later'), '');
    await expect(cache.add([[pair, score]])).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  });
});

describe('a run with a cache', () => {
  /** Counts what it is asked, and fails on the call of this number. */
  function counting(failing = Number.POSITIVE_INFINITY): LanguageModel & { asked: number } {
    const model = fakeModel(schoolAnswers);
    let calls = 0;
    const counted =
      <Given, Answer>(answer: (given: readonly Given[]) => Promise<Answer[]>) =>
      async (given: readonly Given[]) => {
        if (calls++ >= failing) throw new Error('killed');
        wrapped.asked += given.length;
        return answer(given);
      };
    const wrapped = {
      ...model,
      asked: 0,
      loglikelihood: counted(model.loglikelihood),
      loglikelihoodRolling: counted(model.loglikelihoodRolling),
      generateUntil: counted(model.generateUntil),
    };
    return wrapped;
  }

  const tasks = ['arc_easy', 'gsm8k', 'wikitext'];
  const run = async (model: LanguageModel, names = tasks) =>
    evaluate({ tasks: names, model, data: school, cache: await openResponseCache(folder, identity) });

  it('goes on where it was killed, and gives the same', async () => {
    await expect(run(counting(2))).rejects.toThrow('killed');
    const second = counting();
    const { record, samples } = await run(second);
    // Six answers of gsm8k; what the first run scored is known.
    expect(second.asked).toBe(6);
    const fresh = await evaluate({ tasks, model: fakeModel(schoolAnswers), data: school });
    expect(samples).toEqual(fresh.samples);
    expect(record.results).toEqual(fresh.record.results);
  });

  it('asks nothing twice', async () => {
    await run(counting(), ['arc_easy']);
    const again = counting();
    await run(again, ['arc_easy', 'wikitext']);
    expect(again.asked).toBe(7);
  });
});
