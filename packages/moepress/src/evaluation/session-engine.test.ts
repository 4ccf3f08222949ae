import { expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';

it('draws answers by their seed, the same whatever stands beside them', async () => {
  const answers = async (limit: number, seed?: number, temperature = 1.5) => {
    const { samples } = await evaluate('tiny', {
      tasks: ['tiny_gsm'],
      limit,
      numFewshot: 1,
      genKwargs: { temperature, do_sample: true, max_gen_toks: 12, top_k: 0 },
      seed,
      cache: false,
    });
    return samples.tiny_gsm!.slice(0, limit).map(({ resps }) => resps[0]![0]);
  };
  const three = await answers(3);
  expect(new Set(three).size).toBe(3);
  expect(await answers(1)).toEqual(three.slice(0, 1));
  expect(await answers(3, 99)).not.toEqual(three);
});
