import { describe, expect, test } from 'vitest';
import { errorCatalogue } from './catalogue.js';
import { MoepressError, throwIfAborted } from './error.js';

describe('MoepressError', () => {
  test('says what, where and how to fix it, the catalogue helping out', () => {
    const error = new MoepressError('TENSOR_MISSING', { message: 'x is missing.', where: 'a.safetensors' });
    expect(error.toJSON()).toEqual({
      code: 'TENSOR_MISSING',
      message: 'x is missing.',
      where: 'a.safetensors',
      hint: errorCatalogue.TENSOR_MISSING,
    });
    expect(new MoepressError('TENSOR_MISSING', { message: 'x', hint: 'Buy one.' }).hint).toBe('Buy one.');
  });

  test('is known across copies of the package', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('moepress.error')]: true });
    expect(MoepressError.isInstance(foreign)).toBe(true);
    expect(MoepressError.isInstance(new MoepressError('ABORTED', { message: 'x' }))).toBe(true);
    for (const other of [new Error('x'), null, undefined, 'x']) {
      expect(MoepressError.isInstance(other)).toBe(false);
    }
  });

  test('stands what it says of a value that is no text', () => {
    const where = 5 as unknown as string;
    expect(new MoepressError('INPUT_INVALID', { message: 'x', where }).where).toBe('5');
  });

  test('keeps its cause', () => {
    const cause = new Error('ENOSPC');
    expect(new MoepressError('DISK_FULL', { message: 'x', cause }).cause).toBe(cause);
  });

  test('an aborted signal becomes ABORTED, a quiet one nothing', () => {
    expect(() => throwIfAborted(AbortSignal.abort())).toThrow(expect.objectContaining({ code: 'ABORTED' }));
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
    expect(() => throwIfAborted(undefined)).not.toThrow();
  });
});
