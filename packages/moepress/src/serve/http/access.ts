import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { MoepressError } from '@moepress/core';
import { RequestError } from '../request-error.js';

/** Whether an address or name is this machine's own, which others cannot reach. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  if (isIP(bare) === 4) return bare.startsWith('127.');
  return bare === '::1' || /^::ffff:127\./.test(bare);
}

/**
 * Checks who is asked, by the Host header: a page whose name has been made to mean this machine (DNS rebinding) is read by
 * the browser as if this server were its own. Names are those of this machine itself, the one listened on, and
 * `allowed` ones; where others may come in, also all addresses, which no name can be made of.
 */
export function hostCheck(listening: string, allowed: readonly string[]): (host: string | undefined) => void {
  const names = new Set([listening, ...allowed].map((name) => name.toLowerCase()));
  const isOpen = !isLoopback(listening);
  return (host) => {
    const name = nameIn(host ?? '');
    if (name !== null && (isLoopback(name) || names.has(name) || (isOpen && isIP(name) > 0))) return;
    throw new RequestError(
      403,
      'The Host header names another server than this one; it can be started so that it takes this name, too.',
    );
  };
}

/** The name or address in a Host header, without brackets and port; null if it is none. */
function nameIn(host: string): string | null {
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  return (bracketed ?? plain)?.toLowerCase() ?? null;
}

/** Checks the Authorization header against a key, in the same time however much of it is right. Null: anybody may ask. */
export function keyCheck(key: string | null): (authorization: string | undefined) => void {
  if (key === null) return () => {};
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(key);
  return (authorization) => {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
    const message =
      given === undefined ? 'Send the key of this server' : 'This is not the key of this server';
    throw new RequestError(401, `${message}: Authorization: Bearer <key>.`, null, {
      'www-authenticate': 'Bearer',
    });
  };
}

/** A key as it may stand in a header; null for none. Throws `INPUT_INVALID`, without showing it. */
export function parseKey(key: string | undefined, where: string): string | null {
  if (key === undefined || key === '') return null;
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new MoepressError('INPUT_INVALID', {
    message: 'The key has spaces, line breaks or other characters that cannot stand in a header.',
    where,
    hint: 'Use letters and digits, such as those that `openssl rand -hex 32` writes.',
  });
}
