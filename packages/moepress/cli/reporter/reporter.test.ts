import type { ProgressEvent } from '@moepress/core';
import { describe, expect, test } from 'vitest';
import { createReporter, type ReporterOptions } from './index.js';

/** A reporter whose clock is set by hand, and everything it wrote. */
function record(
  options: Omit<ReporterOptions, 'output' | 'now'> & { isTTY?: boolean; columns?: number } = {},
) {
  const { isTTY = false, columns = 80, environment = {}, ...rest } = options;
  const written: string[] = [];
  let time = 0;
  const output = { isTTY, columns, write: (text: string) => written.push(text) };
  const reporter = createReporter({ ...rest, environment, output, now: () => time });
  return {
    written,
    close: reporter.close,
    send(seconds: number, event: ProgressEvent) {
      time = 1000 * seconds;
      reporter.progress(event);
    },
  };
}

const start = (total: number, task = 'Calibrating', unit = 'sequences'): ProgressEvent => ({
  type: 'start',
  task,
  total,
  unit,
});
const advance = (done: number, task = 'Calibrating'): ProgressEvent => ({ type: 'advance', task, done });
const end = (task = 'Calibrating'): ProgressEvent => ({ type: 'end', task });
const clear = '\r\u001b[K';

describe('plain lines', () => {
  test('appear after three seconds and a tenth of the work, and at the end', () => {
    const { send, written } = record();
    send(0, start(100));
    for (let done = 1; done <= 100; done++) send(done / 10, advance(done));
    send(10, end());
    expect(written).toEqual([
      'Calibrating: 30 %, 30/100 sequences, 10 sequences/s, 7.0 s left\n',
      'Calibrating: 60 %, 60/100 sequences, 10 sequences/s, 4.0 s left\n',
      'Calibrating: 90 %, 90/100 sequences, 10 sequences/s, 1.0 s left\n',
      'Calibrating: 100 sequences in 10 s\n',
    ]);
  });

  test('appear twice a minute where little moves', () => {
    const { send, written } = record();
    send(0, start(10_000));
    for (let second = 1; second <= 90; second++) send(second, advance(second));
    expect(written).toHaveLength(3);
  });

  test('leave out tasks inside a task', () => {
    const { send, written } = record();
    send(0, start(2));
    send(0, start(5, 'Reading'));
    send(1, advance(5, 'Reading'));
    send(1, end('Reading'));
    send(2, end());
    expect(written).toEqual(['Calibrating: 0 sequences in 2.0 s\n']);
  });

  test('count bytes in units of bytes and tell the note', () => {
    const { send, written } = record();
    send(0, start(10_000_000, 'Writing', 'bytes'));
    send(4, { type: 'advance', task: 'Writing', done: 4_000_000, note: 'model-00001.safetensors' });
    expect(written).toEqual([
      'Writing: 40 %, 4.00 MB of 10.0 MB, 1.00 MB/s, 6.0 s left, model-00001.safetensors\n',
    ]);
  });

  test('start over when a task is done again', () => {
    const { send, written } = record();
    for (const begin of [0, 10]) {
      send(begin, start(10));
      send(begin + 4, advance(9));
      send(begin + 5, end());
    }
    expect(written.filter((line) => line.includes('90 %'))).toHaveLength(2);
  });

  test('pass warnings on, and swallow events of tasks that never started', () => {
    const { send, written } = record();
    send(0, { type: 'warning', message: 'careful\u001b[2J' });
    send(50, advance(1));
    send(50, end());
    expect(written).toEqual(['warning: careful\\x1b[2J\n']);
  });

  test('nothing to do is done at once', () => {
    const { send, written } = record();
    send(0, start(0));
    send(4, advance(0));
    send(4, end());
    expect(written).toEqual(['Calibrating: 0 sequences in 4.0 s\n']);
  });
});

describe('the live line', () => {
  test('shows bar, rate and time left, and stays below the width of the terminal', () => {
    const { send, written } = record({ isTTY: true, columns: 100 });
    send(0, start(40));
    send(10, advance(20));
    expect(written.at(-1)).toBe(
      `${clear}Calibrating ${'█'.repeat(12)}${'░'.repeat(12)} 50 %  20/40 sequences, 2 sequences/s, 10 s left`,
    );
    const narrow = record({ isTTY: true, columns: 30 });
    narrow.send(0, start(40));
    narrow.send(10, advance(20));
    for (const frame of narrow.written) expect([...frame.replace(clear, '')].length).toBeLessThan(30);
  });

  test('is drawn a dozen times a second at most', () => {
    const { send, written } = record({ isTTY: true });
    send(0, start(1000));
    for (let done = 1; done <= 1000; done++) send(done / 1000, advance(done));
    expect(written.length).toBeGreaterThan(8);
    expect(written.length).toBeLessThan(15);
  });

  test('shows the innermost task and leaves one line for the outermost', () => {
    const { send, written } = record({ isTTY: true });
    send(0, start(2));
    send(1, start(5, 'Reading'));
    expect(written.at(-1)).toContain('Reading');
    send(2, end('Reading'));
    expect(written.at(-1)).toContain('Calibrating ');
    send(3, advance(2));
    send(3, end());
    expect(written.at(-1)).toBe(`${clear}Calibrating: 2 sequences in 3.0 s\n`);
  });

  test('makes room for warnings', () => {
    const { send, written } = record({ isTTY: true });
    send(0, start(2));
    send(1, { type: 'warning', message: 'careful' });
    expect(written.at(-2)).toBe(`${clear}warning: careful\n`);
    expect(written.at(-1)).toContain('Calibrating ');
  });

  test('is wiped when work stops in the middle', () => {
    const { send, written, close } = record({ isTTY: true });
    send(0, start(2));
    close();
    expect(written.at(-1)).toBe(clear);
    const idle = record({ isTTY: true });
    idle.close();
    expect(idle.written).toEqual([]);
  });

  test.each([{ CI: 'true' }, { TERM: 'dumb' }])('gives way to plain lines with %o', (environment) => {
    const { send, written } = record({ isTTY: true, environment });
    send(0, start(2));
    send(4, advance(1));
    expect(written).toEqual(['Calibrating: 50 %, 1/2 sequences, 0.250 sequences/s, 4.0 s left\n']);
  });
});

test('NDJSON passes every event on, on a line of its own', () => {
  const events: ProgressEvent[] = [start(2), advance(1), { type: 'warning', message: 'a\nb' }, end()];
  const { send, written } = record({ ndjson: true, isTTY: true });
  for (const event of events) send(0, event);
  expect(
    written
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(events);
});
