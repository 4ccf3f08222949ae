import { HubApiError } from '@huggingface/hub';
import { MoepressError } from '@moepress/core';

/**
 * What a failed request to the Hub means: `HUB_NOT_FOUND`, `HUB_FORBIDDEN`, `HUB_UNREACHABLE`, or
 * `ABORTED`; our own errors pass. `where` is the model, or the file of it.
 */
export function asHubError(cause: unknown, where: string): MoepressError {
  if (MoepressError.isInstance(cause)) return cause;
  if (cause instanceof Error && cause.name === 'AbortError') {
    return new MoepressError('ABORTED', { message: 'The download was stopped.', where, cause });
  }
  if (!(cause instanceof HubApiError)) return unreachable(explain(cause), where, cause);
  const { statusCode } = cause;
  if (statusCode === 404) {
    const message = 'There is no such folder here, and no such model or revision on the Hub.';
    return new MoepressError('HUB_NOT_FOUND', { message, where, cause });
  }
  if (statusCode === 401 || statusCode === 403) {
    return new MoepressError('HUB_FORBIDDEN', {
      message: `There is no such folder here, and the Hub refuses access (${statusCode}).`,
      where,
      mend: 'Check the spelling. If it is right, the model is private or gated: accept its licence on the model page and set HF_TOKEN.',
      cause,
    });
  }
  return unreachable(`The Hub answered ${statusCode}`, where, cause);
}

/** Whether to try the same request again. */
export function isPassing(cause: unknown): boolean {
  if (cause instanceof HubApiError) return cause.statusCode === 429 || cause.statusCode >= 500;
  return !MoepressError.isInstance(cause) && !(cause instanceof Error && cause.name === 'AbortError');
}

export function unreachable(problem: string, where: string, cause?: unknown): MoepressError {
  return new MoepressError('HUB_UNREACHABLE', { message: `${problem}.`, where, cause });
}

/** `fetch` hides the reason one level down; a broken stream of the Hub library is a bare string. */
function explain(cause: unknown): string {
  if (!(cause instanceof Error)) return `The connection failed: ${String(cause)}`;
  const inner = cause.cause instanceof Error ? `: ${cause.cause.message}` : '';
  return `The connection failed: ${cause.message}${inner}`;
}
