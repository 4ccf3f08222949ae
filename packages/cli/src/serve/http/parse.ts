import { RequestError } from '../errors.js';
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
  if (depthOf(text) > maxDepth) {
    throw new RequestError(400, `The body nests objects and lists more than ${maxDepth} deep.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RequestError(400, 'The body is not JSON.');
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
