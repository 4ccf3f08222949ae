import type { IncomingMessage } from 'node:http';
import { RequestError } from './errors.js';

/** Enough for a thousand long prompts as token ids. */
const maxBytes = 32 * 1024 * 1024;

/**
 * The JSON of a request. Only of one that says it is JSON: browsers send such to another site only after
 * asking, which this server does not answer. Throws a `RequestError`.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new RequestError(415, 'Send JSON with content-type application/json.');
  }
  const blocks: Buffer[] = [];
  let size = 0;
  // Not destroyed when too large: the answer takes the same socket.
  for await (const block of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += block.length;
    if (size > maxBytes) throw new RequestError(413, `A request may have ${maxBytes} bytes.`);
    blocks.push(block);
  }
  try {
    return JSON.parse(Buffer.concat(blocks).toString('utf8'));
  } catch {
    throw new RequestError(400, 'The body is not JSON.');
  }
}
