import { mkdtemp, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MoepressError } from '@moepress/core';
import { fitting } from '../files/partial.js';
import { contentName } from './moves.js';
import type { Staging } from './staging.js';

const mark = '.finished-';

/**
 * What has been made and could not be put where it belongs is kept beside that: never is it removed because of its
 * last step. Returns the error that says where it is.
 */
export async function keepFinished(
  staging: Staging,
  content: string,
  out: string,
  cause: unknown,
): Promise<MoepressError> {
  const where = await moveAside(staging, content);
  return new MoepressError('OUTPUT_EXISTS', {
    message: `All is done, but cannot be put in its place (${(cause as Error).message}): it is kept as ${where}.`,
    where: out,
    hint: 'Move it to where it shall be.',
    cause,
  });
}

async function moveAside(staging: Staging, content: string): Promise<string> {
  try {
    const name = basename(staging.path).replace(/\.partial-.{6}$/, '');
    const folder = await mkdtemp(join(dirname(staging.path), `${fitting(name, mark.length + 6)}${mark}`));
    const kept = join(folder, basename(content) === contentName ? name || contentName : basename(content));
    await rename(content, kept);
    await staging.remove();
    return kept;
  } catch {
    await staging.keep();
    return content;
  }
}
