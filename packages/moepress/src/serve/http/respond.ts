import type { ServerResponse } from 'node:http';
import { MoepressError } from '@moepress/core';
import { errorBody, RequestError } from '../request-error.js';
import { maxUnread } from './limits.js';

/** What is sent at once. */
export interface Content {
  readonly type: string;
  readonly text: string;
}

export const json = (body: object): Content => ({ type: 'application/json', text: JSON.stringify(body) });

/**
 * Milliseconds that a connection stays open though the client still sends, so that it gets to read the answer, and bytes
 * that are read and thrown away meanwhile: some clients read only when all is sent.
 */
const lingering = { milliseconds: 1000, bytes: 2 ** 20 };

/** Sends a whole answer; to HEAD its headers alone. */
export function send(
  response: ServerResponse,
  status: number,
  { type, text }: Content,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed || response.headersSent) return;
  const { req: request } = response;
  // A client whose request was not read to its end would send on into nothing.
  if (!request.complete) response.shouldKeepAlive = false;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  if (request.method === 'HEAD' || request.complete) {
    response.end(request.method === 'HEAD' ? undefined : text);
    return;
  }
  response.write(text);
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingering.milliseconds);
  let left = lingering.bytes;
  request.once('end', end).once('close', end);
  request.on('data', (block: Buffer) => {
    left -= block.length;
    if (left < 0) request.pause();
  });
  request.resume();
}

export function sendError(response: ServerResponse, error: unknown): void {
  const { status, message, param, headers } = asRequestError(error);
  send(response, status, json(errorBody(status, message, param)), headers);
}

/** What a client is told of an error; of one that it has not caused, no more than that there was one. */
export function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (MoepressError.isInstance(error) && error.code === 'INPUT_INVALID') {
    return new RequestError(400, error.message);
  }
  return new RequestError(500, 'The server failed to answer; it has told why where it runs.');
}

/** An answer that is sent as it comes, as server-sent events. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Whether the client has got something. */
  get isOpen(): boolean {
    return this.#response.headersSent;
  }

  send(data: object | string): void {
    const response = this.#response;
    // Work that could not be broken off may go on when all has been said.
    if (response.destroyed || response.writableEnded) return;
    if (!response.headersSent) {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
      });
    }
    response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
    // Whoever does not read must not fill the memory.
    if (response.writableLength > maxUnread) response.destroy();
  }

  end(): void {
    this.send('[DONE]');
    this.#response.end();
  }

  /** Tells of an error where its status cannot be told any more. */
  fail(error: unknown): void {
    const { status, message, param } = asRequestError(error);
    this.send(errorBody(status, message, param));
    this.#response.end();
  }
}
