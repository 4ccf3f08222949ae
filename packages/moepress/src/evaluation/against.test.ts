import { expect, it } from 'vitest';
import { compress } from '../compress.js';
import { evaluate } from '../evaluate.js';

const asked = { tasks: ['tiny_facts', 'tiny_gsm'], limit: 3, cache: false } as const;

it('finds no movement from a model to itself, and some from what a plan makes of it', async () => {
  const own = await evaluate('tiny', { ...asked, against: 'tiny' });
  const nothing = { kl_mean: 0, kl_p99: 0, top1_agreement: 1 };
  expect(own.record.movements).toMatchObject({ tiny_facts: nothing, tiny_gsm: nothing });

  const plan = await compress('tiny', { method: 'random', ratio: 0.5, cache: false });
  const view = await evaluate('tiny', { ...asked, plan, against: 'tiny' });
  expect(view.record.against).toBe('tiny');
  expect(view.record.movement!.kl_mean).toBeGreaterThan(0.01);
  const there = await evaluate('tiny', { ...asked, tasks: ['tiny_facts'], against: plan });
  expect(there.record.against).toMatch(/^tiny\+plan-/);
  // Whichever is the original, the other has moved; how far differs.
  expect(there.record.movement!.kl_mean).toBeGreaterThan(0.01);
  // Scores are what they are without a comparison.
  const alone = await evaluate('tiny', { ...asked, tasks: ['tiny_facts'] });
  expect(there.record.results).toEqual(alone.record.results);
});

it('compares only models that run here', async () => {
  const backend = { kind: 'server', baseUrl: 'http://localhost:1/v1' } as const;
  await expect(evaluate('tiny', { ...asked, backend, against: 'tiny' })).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    where: 'against',
  });
});
