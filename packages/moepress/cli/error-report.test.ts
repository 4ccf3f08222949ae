import { MoepressError } from '@moepress/core';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { exitCodeFor, reportError } from './error-report.js';

function report(error: unknown, json = false) {
  let text = '';
  const code = reportError(error, { json, write: (part) => (text += part) });
  return { code, text };
}

const missing = new MoepressError('TENSOR_MISSING', {
  message: 'x.weight is missing.',
  where: 'model.safetensors',
  hint: 'Download it again.',
});

describe('exit codes', () => {
  test.each<[string, unknown, number]>([
    ['a file the user can fix', missing, 1],
    ['an unknown method', new MoepressError('METHOD_UNKNOWN', { message: 'x' }), 2],
    ['a bad option', new MoepressError('OPTIONS_INVALID', { message: 'x' }), 2],
    ['a bad flag', new CommanderError(1, 'commander.unknownOption', 'x'), 2],
    ['--help', new CommanderError(0, 'commander.helpDisplayed', 'x'), 0],
    ['our own fault', new TypeError('x'), 70],
    ['a failing engine', new MoepressError('ENGINE_FAILED', { message: 'x' }), 70],
    ['something thrown that is no error', 'x', 70],
    ['Ctrl-C', new MoepressError('ABORTED', { message: 'x' }), 130],
    ['Ctrl-C inside Node', new DOMException('x', 'AbortError'), 130],
  ])('%s', (_, error, code) => expect(exitCodeFor(error)).toBe(code));
});

describe('reportError', () => {
  test('says what, where and how to fix it', () => {
    expect(report(missing)).toEqual({
      code: 1,
      text: 'error: x.weight is missing.\n  where: model.safetensors\n  hint:  Download it again.\n',
    });
  });

  test('leaves out where there is no place', () => {
    expect(report(new MoepressError('DISK_FULL', { message: 'Full.', hint: 'Free space.' })).text).toBe(
      'error: Full.\n  hint:  Free space.\n',
    );
  });

  test('says the same to machines, on one line', () => {
    const { code, text } = report(missing, true);
    expect(code).toBe(1);
    expect(text.endsWith('\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      type: 'error',
      code: 'TENSOR_MISSING',
      message: 'x.weight is missing.',
      where: 'model.safetensors',
      hint: 'Download it again.',
      exitCode: 1,
    });
  });

  test('shows the stack of our own faults and asks for a report', () => {
    const error = new TypeError('undefined is not a function');
    expect(report(error).text).toContain('internal error: TypeError: undefined is not a function\n    at ');
    expect(report(error).text).toContain('Please report it');
    expect(JSON.parse(report(error, true).text)).toMatchObject({ code: 'INTERNAL', stack: error.stack });
  });

  test('does not repeat what commander has said, except to machines', () => {
    const error = new CommanderError(1, 'commander.unknownOption', "error: unknown option '--x'");
    expect(report(error)).toEqual({ code: 2, text: '' });
    expect(JSON.parse(report(error, true).text)).toMatchObject({
      code: 'USAGE',
      message: "unknown option '--x'",
    });
  });

  test('shows the author of a plugin where it failed', () => {
    const error = new MoepressError('PLUGIN_INVALID', {
      message: 'x',
      cause: new TypeError('y is undefined'),
    });
    expect(report(error).text).toMatch(/\n {2}hint: .*\nTypeError: y is undefined\n {4}at /);
  });

  test('shows control characters of strangers as text', () => {
    const error = new MoepressError('PLAN_INVALID', {
      message: 'The plan was made for \u001b[31mx.',
      hint: '-',
    });
    expect(report(error).text).toBe('error: The plan was made for \\x1b[31mx.\n  hint:  -\n');
  });

  test('is brief after Ctrl-C', () => {
    expect(report(new MoepressError('ABORTED', { message: 'Stopped before the work was done.' })).text).toBe(
      'Stopped.\n',
    );
  });
});
