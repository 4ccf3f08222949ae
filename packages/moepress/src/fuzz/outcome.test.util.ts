import { MoepressError } from '@moepress/core';

/** Errors that name what a stranger did wrong, beside our own. */
const others = new Set(['TemplateError', 'RequestError']);

/** Characters of a message that tells a stranger's text in full. */
const longest = 10_000;

/** How reading ended that threw: `raw` if it should not have, and what it was. */
export function describeOutcome(error: unknown): [outcome: string, detail: string] {
  if (MoepressError.isInstance(error)) {
    const message = `${error.message} ${error.where ?? ''}`;
    return message.length > longest ? ['raw', `a message of ${message.length} characters`] : [error.code, ''];
  }
  if (!(error instanceof Error)) return ['raw', String(error)];
  if (others.has(error.name)) return [error.name, ''];
  return 'status' in error ? [`status ${String(error.status)}`, ''] : ['raw', error.stack ?? error.message];
}
