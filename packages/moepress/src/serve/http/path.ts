import { RequestError } from '../request-error.js';

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
