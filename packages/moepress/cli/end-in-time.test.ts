import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { endInTime } from './end-in-time.js';

const hour = 3_600_000;
const never = new Promise<void>(() => {});

// vitest's timers are not those of node:timers/promises.
vi.mock('node:timers/promises', () => ({
  setTimeout: (milliseconds: number, _: undefined, { signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    }),
}));
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('forces a process to end whose engine is in the middle of something', async () => {
  const force = vi.fn();
  void endInTime({ stop: () => never, close: () => never }, force);
  await vi.advanceTimersByTimeAsync(hour);
  expect(force).toHaveBeenCalledTimes(1);
});

it('lets weights be unmapped for as long as that takes once the engine is still', async () => {
  const force = vi.fn();
  const server = {
    stop: async () => {},
    close: () => new Promise<void>((resolve) => setTimeout(resolve, hour)),
  };
  const ended = endInTime(server, force);
  await vi.advanceTimersByTimeAsync(hour);
  await ended;
  expect(force).not.toHaveBeenCalled();
});

it('frees the model also where stopping fails, and tells of the failure', async () => {
  const close = vi.fn(async () => {});
  const failing = endInTime({ stop: () => Promise.reject(new Error('broken')), close }, () => {});
  await expect(failing).rejects.toThrow('broken');
  expect(close).toHaveBeenCalledTimes(1);
});
