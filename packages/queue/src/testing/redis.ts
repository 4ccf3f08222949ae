import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The name of a server that is installed here; null, after saying so, if there is none. */
export function findRedis(): string | null {
  const found = ['redis-server', 'valkey-server'].find(
    (name) => spawnSync(name, ['--version']).error === undefined,
  );
  if (found === undefined) console.log('Skipped: no redis-server here (apt-get install redis-server).');
  return found ?? null;
}

/** A server of a test's own. */
export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a server that keeps nothing, on a port that is free. */
export async function startRedis(program: string): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-redis-'));
  const port = await freePort();
  const child = spawn(program, ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder]);
  const ended = once(child, 'exit');
  await listening(child);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function listening({ stdout }: ChildProcess): Promise<void> {
  let said = '';
  for await (const chunk of stdout!.iterator({ destroyOnReturn: false })) {
    said += chunk;
    if (said.includes('Ready to accept connections')) {
      // Read on, or the server would stand still once the pipe is full.
      stdout!.resume();
      return;
    }
  }
  throw new Error(`The server did not start: ${said}`);
}
