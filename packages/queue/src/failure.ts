import { type ErrorCode, errorCatalogue, MoepressError, parseJson } from '@moepress/core';
import { z } from 'zod';

const failureSchema = z.object({
  code: z.enum(Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  where: z.string().nullable(),
  hint: z.string(),
});

/** An error whose message carries all of `error` to another machine, because only messages are sent. */
export function encodeFailure(error: unknown): Error {
  if (MoepressError.isInstance(error)) return new Error(JSON.stringify(error), { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** The error that made a job fail finally, from the message of its last attempt. */
export function decodeFailure(job: string, reason: string): MoepressError {
  const { data } = failureSchema.safeParse(parse(reason));
  if (data) return new MoepressError(data.code, { ...data, where: data.where ?? undefined });
  return new MoepressError('ENGINE_FAILED', {
    message: `A job failed on every machine that tried it: ${reason}`,
    where: job,
    hint: 'If machines ran out of memory, give them fewer `workers`; then run the same again.',
  });
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
