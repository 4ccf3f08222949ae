import { expect, it } from 'vitest';
import { flagOf, inFlags, progressInFlags, whereInFlags } from './flags.js';

it('stand for the options of the library, also for those of methods and for items of lists', () => {
  expect(
    ['gpuMemory', 'tasks[1]', 'cache.evidence', 'options.steps', 'options.ratio', 'against'].map(flagOf),
  ).toEqual(['--gpu-memory', '--tasks', '--evidence', '--option steps', '--ratio', '--against']);
  expect(flagOf('model.safetensors')).toBeUndefined();
});

it('take their places in what the library says', () => {
  expect(inFlags('Give `cache.training`, or `openssl` more `memory`.')).toBe(
    'Give --runs, or `openssl` more --memory.',
  );
  expect(whereInFlags('plan')).toBe('--plan');
  // A folder of that name.
  expect(whereInFlags('plan', ['inspect', 'plan'])).toBe('plan');
});

it('take their places in warnings, and other events are left alone', () => {
  const events: unknown[] = [];
  const progress = progressInFlags((event) => events.push(event));
  progress({ type: 'warning', message: 'There is no `apiKey`.' });
  progress({ type: 'end', task: 'Reading `data`' });
  expect(events).toEqual([
    { type: 'warning', message: 'There is no --api-key.' },
    { type: 'end', task: 'Reading `data`' },
  ]);
});
