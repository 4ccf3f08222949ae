import { parseJson } from '@moepress/core';
import { RequestError } from '../request-error.js';
import { maxDepth } from './limits.js';

/** What no part of a body may exceed. */
export interface Sizes {
  /** UTF-8 bytes of a text. */
  readonly text: number;
  /** Entries of a list. */
  readonly list: number;
}

/** The JSON of a body. Throws a `RequestError`, also for what cannot be of use because it is so long. */
export function parseBody(bytes: Uint8Array, sizes: Sizes): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RequestError(400, 'The body is not UTF-8.');
  }
  let value: unknown;
  try {
    value = parseJson(text, { maxDepth, pythonWords: false });
  } catch (error) {
    throw new RequestError(400, `The body is not JSON: ${(error as Error).message}.`);
  }
  checkSizes(value, sizes);
  return value;
}

/** Lists are not looked into once they are too long. */
function checkSizes(value: unknown, sizes: Sizes): void {
  if (typeof value === 'string') {
    // Each unit of UTF-16 has one byte at least and three at most.
    if (value.length * 3 <= sizes.text) return;
    const bytes = Buffer.byteLength(value);
    if (bytes > sizes.text) {
      throw new RequestError(400, `A text of ${bytes} bytes is longer than any that fits into the context.`);
    }
  } else if (Array.isArray(value)) {
    if (value.length > sizes.list) {
      throw new RequestError(400, `A list of ${value.length} is longer than any that fits into the context.`);
    }
    for (const item of value) checkSizes(item, sizes);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) checkSizes(item, sizes);
  }
}

/** The path that a request names, decoded and without its query. Throws a `RequestError` of status 400. */
export function pathOf(target: string): string {
  try {
    const path = target.startsWith('/') ? target : new URL(target).pathname;
    if (path.startsWith('//')) throw new TypeError('no path');
    return decodeURIComponent(path.replace(/[?#].*$/s, ''));
  } catch {
    throw new RequestError(400, 'The address is not one of HTTP.');
  }
}
