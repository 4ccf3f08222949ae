import type { IncomingMessage, ServerResponse } from 'node:http';
import { invalidOption } from '../../check-options.js';

/** Seconds for which browsers remember that they may ask. */
const remembered = '600';

/**
 * Lets pages of some origins use the server from a browser, as the Fetch standard has it (https://fetch.spec.whatwg.org/#http-cors-protocol);
 * `*` stands for all. Answers the browser's question whether it may ask, and says whether it was one.
 */
export function originCheck(
  allowed: readonly string[],
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const origins = new Set(allowed.map((origin) => origin.toLowerCase()));
  return ({ method, headers }, response) => {
    const { origin } = headers;
    if (origin === undefined || origins.size === 0) return false;
    response.setHeader('vary', 'Origin');
    if (!origins.has('*') && !origins.has(origin.toLowerCase())) return false;
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', 'retry-after');
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
    response.writeHead(204, {
      'access-control-allow-methods': 'GET, POST',
      // The client library of OpenAI sends a dozen of its own.
      'access-control-allow-headers':
        headers['access-control-request-headers'] ?? 'authorization, content-type',
      'access-control-max-age': remembered,
    });
    response.end();
    return true;
  };
}

/** Throws `INPUT_INVALID` for what is no origin of a page, such as an address with a path. */
export function checkOrigin(origin: unknown): void {
  if (origin === '*') return;
  const given = typeof origin === 'string' ? origin : '';
  const parsed = URL.canParse(given) ? new URL(given).origin : null;
  if (parsed !== null && parsed !== 'null' && parsed === given.toLowerCase()) return;
  throw invalidOption(
    { where: 'allowedOrigins', value: origin },
    'the origin of a page, such as http://localhost:3000, or *',
  );
}
