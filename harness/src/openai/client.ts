import { setTimeout } from 'node:timers/promises';
import { bounded, proxiedFetch } from '@moepress/checkpoint';
import { MoepressError, parseJson, throwIfAborted } from '@moepress/core';

/** The address of the server, and the limits of retries and time. */
export interface Endpoint {
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** How often a request that failed temporarily is sent again. */
  readonly maxRetries: number;
  /** Milliseconds before the first retry; each later one waits twice as long, ten times at most. */
  readonly retryDelay: number;
  /** Milliseconds that one answer may take. */
  readonly timeout: number;
}

/** Statuses after which a retry may succeed: timeouts, too many requests, overload. */
const passing = new Set([408, 409, 425, 429, 500, 502, 503, 504]);

/** The most bytes of an answer: more than log-probabilities of a thousand long prompts take. */
const maxBytes = 128 * 1024 * 1024;

/** Longest wait that a server may ask for, in milliseconds. */
const longestWait = 60_000;

/** Why an attempt failed temporarily, and how long the server asks to wait. */
interface Failure {
  readonly reason: string;
  readonly wait?: number;
  readonly cause?: unknown;
}

/**
 * Posts JSON and reads JSON. Throws `SERVER_UNREACHABLE` when all attempts have failed, `SERVER_UNSUITABLE` if
 * the server refuses the request or does not answer in JSON, and `ABORTED`. Goes through the proxies of the environment.
 */
export async function postJson(endpoint: Endpoint, body: unknown, signal?: AbortSignal): Promise<unknown> {
  const { url, maxRetries, retryDelay } = endpoint;
  for (let attempt = 0; ; attempt++) {
    throwIfAborted(signal);
    const result = await attemptPost(endpoint, body, signal);
    if ('answer' in result) return result.answer;
    if (attempt >= maxRetries) {
      const tries = attempt === 0 ? '' : ` after ${attempt + 1} attempts`;
      throw new MoepressError('SERVER_UNREACHABLE', {
        message: `The server did not answer${tries}: ${result.reason}.`,
        where: url,
        cause: result.cause,
      });
    }
    const wait = result.wait ?? retryDelay * Math.min(2 ** attempt, 10);
    await setTimeout(wait, undefined, { signal }).catch(() => throwIfAborted(signal));
  }
}

async function attemptPost(
  { url, apiKey, timeout }: Endpoint,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<{ readonly answer: unknown } | Failure> {
  const patience = AbortSignal.timeout(timeout);
  const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  try {
    const response = await proxiedFetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization },
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
    const text = await bounded(response, maxBytes).text();
    if (response.ok) return { answer: parse(text, url) };
    const reason = `${response.status} ${response.statusText}`;
    if (passing.has(response.status)) return { reason, ...requestedWait(response) };
    throw new MoepressError('SERVER_UNSUITABLE', {
      message: `The server refused the request: ${reason}${detail(text)}.`,
      where: url,
      ...hintOf(response.status),
    });
  } catch (cause) {
    throwIfAborted(signal);
    if (MoepressError.isInstance(cause)) throw cause;
    const reason = patience.aborted ? `it took longer than ${timeout / 1000} s` : describe(cause as Error);
    return { reason, cause };
  }
}

function hintOf(status: number): { readonly hint?: string } {
  if (status === 401 || status === 403) return { hint: 'Give the API key of the server.' };
  if (status !== 404 && status !== 405) return {};
  return { hint: 'Give the address of the server up to and with /v1, such as http://localhost:8000/v1.' };
}

function parse(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    const message = `The answer of the server is not JSON${detail(text)}.`;
    throw new MoepressError('SERVER_UNSUITABLE', { message, where, cause });
  }
}

/** The first words of a body, for messages. */
function detail(text: string): string {
  const start = text.trim().slice(0, 200);
  return start === '' ? '' : `: ${start}`;
}

function requestedWait(response: Response): { wait?: number } {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return seconds >= 0 ? { wait: Math.min(seconds * 1000, longestWait) } : {};
}

/** fetch says "fetch failed" and keeps the reason in its cause. */
function describe({ message, cause }: Error): string {
  return cause instanceof Error && cause.message ? cause.message : message;
}
