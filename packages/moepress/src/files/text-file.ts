import { createReadStream } from 'node:fs';
import { type ErrorCode, MoepressError } from '@moepress/core';

/** Far more than any plan or list of ids takes. */
const maxBytes = 64 * 1024 * 1024;

/**
 * A UTF-8 file the user named, without its byte order mark. Throws `code` naming the file if it cannot be
 * read, is large, or holds no text.
 */
export async function readText(path: string, code: ErrorCode): Promise<string> {
  const bytes = await readBytes(path, code);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refused('The file is no text in UTF-8', path, code, cause);
  }
}

/** Counts while it reads: what is no regular file may have no size, and no end. */
async function readBytes(path: string, code: ErrorCode): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let size = 0;
  try {
    for await (const block of createReadStream(path)) {
      size += block.length;
      if (size > maxBytes) break;
      blocks.push(block);
    }
  } catch (cause) {
    throw new MoepressError(code, {
      message: `The file cannot be read: ${(cause as Error).message}.`,
      where: path,
      hint: 'Check the path and its permissions.',
      cause,
    });
  }
  if (size > maxBytes) throw refused(`The file is larger than the ${maxBytes} bytes allowed`, path, code);
  return Buffer.concat(blocks);
}

function refused(problem: string, where: string, code: ErrorCode, cause?: unknown): MoepressError {
  const hint = 'Check that this is the file you mean.';
  return new MoepressError(code, { message: `${problem}.`, where, hint, cause });
}
