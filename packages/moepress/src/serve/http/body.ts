import type { IncomingMessage } from 'node:http';
import { ConfinedError, ConfinedThread } from '@moepress/checkpoint/confined';
import { overloaded, RequestError } from '../request-error.js';
import type { BodyReply, BodyTask } from './body-thread.js';
import { maxUploads } from './limits.js';
import { parseBody, type Sizes } from './parse-request.js';

/** The thread's module; tests run a bundle of its source. */
const script = new URL('./body-thread.js', import.meta.url);

/** Bytes of a body that is read at once; longer ones have a thread of their own, in which few may wait. */
const quickBytes = 2 ** 16;
const maxSlow = 16;

/** Milliseconds of processor time and megabytes of memory for a long body, and for the thread to start. */
const bounds = { patience: 4000, memory: 512 };
const starting = 2000;

/** Reads the bodies of requests, not too much at once. */
export class Bodies {
  readonly #maxBody: number;
  readonly #sizes: Sizes;
  readonly #slow = new ConfinedThread(script, null, starting, { isBackground: true });
  #uploading = 0;
  #slowWaiting = 0;

  constructor(maxBody: number, sizes: Sizes) {
    this.#maxBody = maxBody;
    this.#sizes = sizes;
  }

  /**
   * The JSON of a request. Only of one that says it is JSON: browsers send such to another site only after
   * asking, which this server does not answer. `begin` is called when it is to be sent. Throws a `RequestError`.
   */
  async readJson(request: IncomingMessage, begin: () => void): Promise<unknown> {
    const tooLarge = () => new RequestError(413, `A request may have ${this.#maxBody} bytes.`);
    checkHeaders(request);
    if (Number(request.headers['content-length'] ?? 0) > this.#maxBody) throw tooLarge();
    begin();
    const blocks: Buffer[] = [];
    let size = 0;
    try {
      // Not destroyed when too large: the answer takes the same socket.
      for await (const block of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += block.length;
        this.#uploading += block.length;
        if (size > this.#maxBody) throw tooLarge();
        if (this.#uploading > maxUploads) throw overloaded(503, 'Too much is being sent to the server.', 5);
        blocks.push(block);
      }
      const bytes = Buffer.concat(blocks);
      return size <= quickBytes ? parseBody(bytes, this.#sizes) : await this.#parseSlowly(bytes);
    } finally {
      this.#uploading -= size;
    }
  }

  close(): Promise<void> {
    return this.#slow.close();
  }

  async #parseSlowly(bytes: Uint8Array): Promise<unknown> {
    if (this.#slowWaiting >= maxSlow) throw overloaded(503, 'Too many long requests are waiting.', 5);
    this.#slowWaiting++;
    try {
      const task: BodyTask = { bytes, sizes: this.#sizes };
      const reply = await this.#slow.ask<BodyReply>('parse', task, bounds);
      if ('value' in reply) return reply.value;
      throw new RequestError(reply.status, reply.message);
    } catch (error) {
      if (!(error instanceof ConfinedError)) throw error;
      throw new RequestError(400, `The body cannot be read: ${error.message}.`);
    } finally {
      this.#slowWaiting--;
    }
  }
}

function checkHeaders({ headers }: IncomingMessage): void {
  const [type, ...parameters] = (headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  if (type !== 'application/json') {
    throw new RequestError(415, 'Send JSON with content-type application/json.');
  }
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new RequestError(415, 'Send JSON in UTF-8.');
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw new RequestError(415, 'Send JSON that is not compressed.');
}
