import type { IncomingMessage } from 'node:http';
import { overloaded, RequestError } from '../errors.js';
import { maxDepth, maxUploads } from './limits.js';

/** Reads the bodies of requests, not too much at once. */
export class Bodies {
  readonly #maxBody: number;
  #uploading = 0;

  constructor(maxBody: number) {
    this.#maxBody = maxBody;
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
      return parse(Buffer.concat(blocks));
    } finally {
      this.#uploading -= size;
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
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.replace(/^charset="?([^"]*)"?$/, '$1');
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw new RequestError(415, 'Send JSON in UTF-8.');
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw new RequestError(415, 'Send JSON that is not compressed.');
}

function parse(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RequestError(400, 'The body is not UTF-8.');
  }
  if (depthOf(text) > maxDepth) {
    throw new RequestError(400, `The body nests objects and lists more than ${maxDepth} deep.`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestError(400, 'The body is not JSON.');
  }
}

/** How deep the brackets of a JSON text go; of a text that is none, a number. */
export function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isText = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === quote) isText = !isText;
    else if (isText) i += unit === backslash ? 1 : 0;
    else if (unit === bracket || unit === brace) deepest = Math.max(deepest, ++depth);
    else if (unit === bracket + 2 || unit === brace + 2) depth--;
  }
  return deepest;
}

/** `"`, `\\`, `[` and `{`; what closes comes two after what opens. */
const [quote, backslash, bracket, brace] = [0x22, 0x5c, 0x5b, 0x7b];
