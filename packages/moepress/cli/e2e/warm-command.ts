/**
 * Runs commands one after another in a process that stays, so that a test pays for loading modules once. Each is what
 * a process of its own would do: it sees its arguments and its folder, and what it writes and its exit code are told.
 */
import { main } from '../main.js';

export interface Request {
  readonly args: readonly string[];
  readonly cwd: string;
}

process.on('disconnect', () => process.exit());
process.on('message', async ({ args, cwd }: Request) => {
  process.chdir(cwd);
  process.exitCode = undefined;
  const streams = [captured(process.stdout), captured(process.stderr)] as const;
  await main([process.execPath, 'moepress', ...args]);
  const [stdout, stderr] = streams.map((stream) => stream.end());
  process.send!({ code: process.exitCode ?? 0, stdout, stderr });
});

/** Collects what is written to `stream` until `end` is called, and takes away the listeners that came meanwhile. */
function captured(stream: NodeJS.WriteStream) {
  const { write } = stream;
  const before = stream.listeners('error');
  const chunks: string[] = [];
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    chunks.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    const done = rest.find((one) => typeof one === 'function') as (() => void) | undefined;
    done?.();
    return true;
  }) as typeof write;
  return {
    end(): string {
      stream.write = write;
      for (const listener of stream.listeners('error')) {
        if (!before.includes(listener)) stream.off('error', listener as () => void);
      }
      return chunks.join('');
    },
  };
}
