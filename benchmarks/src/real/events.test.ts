import { describe, expect, it } from 'vitest';
import { Events } from './events.js';

const lines = (...events: object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');

describe('Events', () => {
  it('reads events however they are cut', () => {
    const events = new Events();
    const text = lines({ type: 'memory', predicted: 5 }, { type: 'memory', predicted: 9, part: 'x' });
    for (const letter of text) events.take(letter);
    events.take(lines({ type: 'memory', predicted: 7 }));
    expect(events.predicted).toBe(9);
  });

  it('times tasks, together if they come again', () => {
    const events = new Events();
    events.take(
      lines({ type: 'start', task: 'a' }, { type: 'start', task: 'b' }, { type: 'end', task: 'a' }),
    );
    const first = events.tasks.a!;
    events.take(lines({ type: 'start', task: 'a' }, { type: 'end', task: 'a' }));
    expect(events.tasks.a).toBeGreaterThan(first);
    expect(events.tasks).not.toHaveProperty('b');
  });

  it('knows a refusal from another error, and what other programs say', () => {
    const refused = new Events();
    refused.take(lines({ type: 'error', code: 'MEMORY_TOO_SMALL', message: 'It takes 5 GB.' }));
    expect(refused).toMatchObject({ refused: true, complaint: 'MEMORY_TOO_SMALL: It takes 5 GB.' });
    const failed = new Events();
    failed.take('Traceback\nKeyError\n{"type":"advance","task":"a","done":1}\n');
    expect(failed).toMatchObject({ refused: false, complaint: 'Traceback\nKeyError', predicted: null });
  });
});
