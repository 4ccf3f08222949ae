import { HubApiError } from '@huggingface/hub';
import { MoepressError } from '@moepress/core';
import type { HubToken } from './environment.js';

/**
 * What a failed request to the Hub means: `HUB_NOT_FOUND`, `HUB_FORBIDDEN`, `HUB_UNREACHABLE`, or
 * `ABORTED`; our own errors pass. `where` is the repository, or the file in it; `token` what was sent along.
 */
export function asHubError(cause: unknown, where: string, token: HubToken | null): MoepressError {
  if (MoepressError.isInstance(cause)) return cause;
  if (cause instanceof Error && cause.name === 'AbortError') {
    return new MoepressError('ABORTED', { message: 'The download was stopped.', where, cause });
  }
  if (!(cause instanceof HubApiError)) return unreachable(explain(cause), where, cause);
  const { statusCode } = cause;
  if (statusCode === 404) {
    const message = 'The Hub has no repository or file of this name in this revision.';
    return new MoepressError('HUB_NOT_FOUND', { message, where, cause });
  }
  if (statusCode === 401 && token) {
    return new MoepressError('HUB_FORBIDDEN', {
      message: `The Hub does not accept the token of ${token.from} (401).`,
      where,
      hint: `Put a valid token there (hf auth login writes one to a file), or remove it if the repository is public.`,
      cause,
    });
  }
  if (statusCode === 403 && token) {
    return new MoepressError('HUB_FORBIDDEN', {
      message: `The Hub accepts the token of ${token.from} but refuses access (403): the repository is gated, or the token may not read it.`,
      where,
      hint: 'Accept the licence on the page of the repository with the same account, or give the token the right to read it.',
      cause,
    });
  }
  if (statusCode === 401 || statusCode === 403) {
    // The Hub does not tell strangers whether a repository is private or does not exist.
    return new MoepressError('HUB_FORBIDDEN', {
      message: `The Hub refuses access (${statusCode}): the repository does not exist, or it is private or gated.`,
      where,
      hint: 'Check the spelling. If it is right, accept the licence on its page and set HF_TOKEN.',
      cause,
    });
  }
  return unreachable(`The Hub answered ${statusCode}`, where, cause);
}

/** Whether the same request may succeed if it is tried again. */
export function isTransient(cause: unknown): boolean {
  if (cause instanceof HubApiError) return cause.statusCode === 429 || cause.statusCode >= 500;
  return !MoepressError.isInstance(cause) && !(cause instanceof Error && cause.name === 'AbortError');
}

/** `problem` is a sentence without its full stop. */
export function unreachable(problem: string, where: string, cause?: unknown): MoepressError {
  return new MoepressError('HUB_UNREACHABLE', { message: `${problem}.`, where, cause });
}

/** `fetch` hides the reason one level down; a broken stream of the Hub library is a bare string. */
function explain(cause: unknown): string {
  const problem = 'The connection to the Hub failed';
  if (!(cause instanceof Error)) return `${problem}: ${String(cause)}`;
  const inner = cause.cause instanceof Error ? `: ${cause.cause.message}` : '';
  return `${problem}: ${cause.message}${inner}`;
}
