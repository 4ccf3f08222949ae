import { describe, expect, it } from 'vitest';
import { Turns } from './turns.js';

const pause = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What happens, in the order in which it does. */
function recorder() {
  const events: string[] = [];
  const work = (name: string, inside: () => Promise<void> = pause) => {
    return async () => {
      events.push(`${name} begins`);
      await inside();
      events.push(`${name} ends`);
      return name;
    };
  };
  return { events, work };
}

const whole = (...names: string[]) => names.flatMap((name) => [`${name} begins`, `${name} ends`]);

describe('Turns', () => {
  it('come one after the other in the order of the calls, also after a failure', async () => {
    const [turns, { events, work }] = [new Turns(), recorder()];
    const failing = turns.take(() => Promise.reject(new Error('no luck')));
    const others = ['a', 'b', 'c'].map((name) => turns.take(work(name)));
    await expect(failing).rejects.toThrow('no luck');
    expect(await Promise.all(others)).toEqual(['a', 'b', 'c']);
    expect(events).toEqual(whole('a', 'b', 'c'));
  });

  it('are given up by those who are aborted while they wait, and by nobody else', async () => {
    const [turns, { events, work }] = [new Turns(), recorder()];
    const controller = new AbortController();
    const [first, second, third] = [
      turns.take(work('a')),
      turns.take(work('b'), controller.signal),
      turns.take(work('c')),
    ];
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    await Promise.all([first, third]);
    await expect(turns.take(work('d'), controller.signal)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(events).toEqual(whole('a', 'c'));
  });

  it('contain the turns of calls from within, which take turns among themselves', async () => {
    const [turns, { events, work }] = [new Turns(), recorder()];
    let late: Promise<string> | undefined;
    const outer = turns.take(
      work('outer', async () => {
        const inner = turns.take(work('inner', () => turns.take(work('innermost')).then(() => {})));
        await Promise.all([inner, turns.take(work('sibling'))]);
        // Nobody waits for it, yet the next turn does.
        late = turns.take(work('late'));
      }),
    );
    await Promise.all([outer, turns.take(work('next'))]);
    await late;
    expect(turns.isInside).toBe(false);
    expect(events).toEqual([
      ...['outer begins', 'inner begins', ...whole('innermost'), 'inner ends', ...whole('sibling')],
      ...['late begins', 'outer ends', 'late ends', ...whole('next')],
    ]);
  });

  it('are of the engine again for what was begun in a turn that is over', async () => {
    const [turns, { events, work }] = [new Turns(), recorder()];
    let go = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    let loop: Promise<string> | undefined;
    await turns.take(async () => {
      loop = gone.then(() => turns.take(work('loop')));
    });
    const next = turns.take(work('next'));
    go();
    await Promise.all([next, loop]);
    expect(events).toEqual(whole('next', 'loop'));
  });
});
