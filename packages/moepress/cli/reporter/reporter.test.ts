import type { ProgressEvent } from '@moepress/core';
import { describe, expect, test } from 'vitest';
import { createReporter, type ReporterOptions } from './index.js';

/** A reporter whose clock is set by hand, and everything it wrote. */
function record(
  options: Omit<ReporterOptions, 'output' | 'now'> & {
    isTTY?: boolean;
    columns?: number;
    coloured?: boolean;
  } = {},
) {
  const { isTTY = false, columns = 80, ...rest } = options;
  const environment = options.environment ?? (options.coloured ? {} : { NO_COLOR: '1' });
  const written: string[] = [];
  let time = 0;
  const output = { isTTY, columns, write: (text: string) => written.push(text) };
  const reporter = createReporter({ ...rest, environment, output, now: () => time });
  return {
    written,
    close: reporter.close,
    phases: reporter.phases,
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
const bar = `${'█'.repeat(6)}${'░'.repeat(6)}`;

describe('plain lines', () => {
  test('appear after three seconds and a tenth of the work, and at the end', () => {
    const { send, written } = record();
    send(0, start(100));
    for (let done = 1; done <= 100; done++) send(done / 10, advance(done));
    send(10, end());
    expect(written).toEqual([
      'Calibrating: 7.0 s left, 30 %, 3.0 s so far, 30/100 sequences, 10 sequences/s\n',
      'Calibrating: 4.0 s left, 60 %, 6.0 s so far, 60/100 sequences, 10 sequences/s\n',
      'Calibrating: 1.0 s left, 90 %, 9.0 s so far, 90/100 sequences, 10 sequences/s\n',
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
      'Writing: 6.0 s left, 40 %, 4.0 s so far, 4.00 MB of 10.0 MB, 1.00 MB/s, model-00001.safetensors\n',
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
  test.each([
    [100, `${bar} 50 %  10 s so far, 20/40 sequences, 2 sequences/s`],
    [80, `${bar} 50 %  10 s so far, 20/40 sequences`],
    [60, `${bar} 50 %  10 s so far`],
    [45, `${bar} 50 %`],
    [30, '50 %'],
    [20, null],
  ])('keeps what is left first, and as much else as %i columns hold', (columns, rest) => {
    const { send, written } = record({ isTTY: true, columns });
    send(0, start(40));
    send(10, advance(20));
    if (rest !== null) expect(written.at(-1)).toBe(`${clear}10 s left  Calibrating ${rest}`);
    expect(written.at(-1)).toContain('10 s left');
    for (const frame of written) expect([...frame.replace(clear, '')].length).toBeLessThan(columns);
  });

  test('counts the phases of the job, and what is to come of them', () => {
    const { send, written, phases } = record({ isTTY: true });
    const parts = (last: number | null) => [
      { tasks: ['Hashing*'], seconds: 1 },
      { tasks: ['Calibrating'], seconds: 30 },
      { tasks: ['Writing'], seconds: last },
    ];
    phases(parts(5));
    send(0, start(4, 'Hashing weights'));
    expect(written.at(-1)).toContain('36 s left  Hashing weights (1/3)');
    send(1, end('Hashing weights'));
    send(1, start(40));
    expect(written.at(-1)).toContain('35 s left  Calibrating (2/3)');
    send(11, advance(20));
    expect(written.at(-1)).toContain('15 s left  Calibrating (2/3)');
    send(11, end());
    phases(parts(null));
    send(12, start(2));
    expect(written.at(-1)).toContain('30 s left of this  Calibrating (2/3)');
  });

  test('does not take what an earlier run has done for speed', () => {
    const { send, written } = record({ isTTY: true });
    send(0, start(100));
    send(0, { ...advance(50), note: 'resumed' } as ProgressEvent);
    send(10, advance(60));
    expect(written.at(-1)).toContain('40 s left');
  });

  test('has colours on a terminal unless NO_COLOR is set', () => {
    const coloured = record({ isTTY: true, coloured: true });
    coloured.send(0, { type: 'warning', message: 'careful' });
    expect(coloured.written[0]).toBe(`${clear}\u001b[33mwarning:\u001b[39m careful\n`);
    for (const environment of [{ NO_COLOR: '1' }, { FORCE_COLOR: '0' }]) {
      const plain = record({ isTTY: true, environment });
      plain.send(0, { type: 'warning', message: 'careful' });
      expect(plain.written[0]).toBe(`${clear}warning: careful\n`);
    }
  });

  test('breaks long warnings between words', () => {
    const { send, written } = record({ isTTY: true, columns: 20 });
    send(0, { type: 'warning', message: 'one two three four five' });
    expect(written[0]).toBe(`${clear}warning: one two\n  three four five\n`);
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
    expect(written).toEqual([
      'Calibrating: 4.0 s left, 50 %, 4.0 s so far, 1/2 sequences, 0.250 sequences/s\n',
    ]);
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
