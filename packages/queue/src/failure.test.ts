import { MoepressError } from '@moepress/core';
import { expect, it } from 'vitest';
import { decodeFailure, encodeFailure } from './failure.js';

it('takes errors to another machine', () => {
  const error = new MoepressError('DISK_FULL', { message: 'No room.', where: '/board' });
  const { message } = encodeFailure(error);
  expect(decodeFailure('job', message).toJSON()).toEqual(error.toJSON());
});

it.each(['job stalled more than allowable limit', '{"code":"NONE"}', ''])('tells of %j', (reason) => {
  const error = decodeFailure('job', encodeFailure(new Error(reason)).message);
  expect(error).toMatchObject({ code: 'ENGINE_FAILED', where: 'job' });
  expect(error.message).toContain(reason);
});
