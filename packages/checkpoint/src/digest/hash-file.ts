import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** What the thread that hashes a file answers with: many times the first form, then the second. */
export type HashReply = { readonly done: number } | { readonly sha256: string };

/** Bytes read at once; two such buffers are all the memory it takes. */
const blockBytes = 2 * 1024 * 1024;

/**
 * SHA-256 of a file, in hexadecimal: it is what the Hub calls large files by, and with the instructions that
 * processors have for it also the fastest that Node offers. The next block is read while one is hashed. `onBytes` is
 * told how many bytes have been hashed. Throws what the signal and reading throw.
 */
export async function hashFile(
  path: string,
  { signal, onBytes }: { readonly signal?: AbortSignal | undefined; onBytes?: (done: number) => void } = {},
): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    const [first, second] = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)];
    let [current, next] = [first, second];
    let done = 0;
    let reading = file.read(current, 0, blockBytes, done);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return hash.digest('hex');
      signal?.throwIfAborted();
      done += bytesRead;
      reading = file.read(next, 0, blockBytes, done);
      // Awaited above; a failure must not count as unhandled while this block is hashed.
      reading.catch(() => {});
      hash.update(current.subarray(0, bytesRead));
      onBytes?.(done);
      [current, next] = [next, current];
    }
  } finally {
    await file.close();
  }
}
