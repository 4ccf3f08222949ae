import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SaveClock } from './saving.js';

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

const saveIn = (seconds: number) => async () => {
  vi.advanceTimersByTime(1000 * seconds);
};

describe('when a state is saved', () => {
  it('is after the time given, and no more than a twentieth of the time goes there', async () => {
    const clock = new SaveClock(30);
    expect(clock.isDue).toBe(false);
    vi.advanceTimersByTime(30_000);
    expect(clock.isDue).toBe(true);
    await clock.run(saveIn(1));
    vi.advanceTimersByTime(29_999);
    expect(clock.isDue).toBe(false);
    vi.advanceTimersByTime(1);
    expect(clock.isDue).toBe(true);
    await clock.run(saveIn(10));
    vi.advanceTimersByTime(199_999);
    expect(clock.isDue).toBe(false);
    vi.advanceTimersByTime(1);
    expect(clock.isDue).toBe(true);
  });

  it('is at once if no time is given', async () => {
    const clock = new SaveClock(0);
    await clock.run(saveIn(10));
    expect(clock.isDue).toBe(true);
  });
});
