import { open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { asWriteError, makeFolders } from '@moepress/checkpoint';

/**
 * Calls `use` with whether this run has the folder to itself. A lock that a killed process of this
 * machine left is taken over. Throws `WRITE_FAILED` if the folder cannot be made.
 */
export async function withLock<R>(folder: string, use: (isOurs: boolean) => Promise<R>): Promise<R> {
  const path = join(folder, 'lock');
  const isOurs = await take(folder, path).catch((cause) => {
    throw asWriteError(cause, path);
  });
  try {
    return await use(isOurs);
  } finally {
    if (isOurs) await rm(path, { force: true });
  }
}

async function take(folder: string, path: string): Promise<boolean> {
  await makeFolders(folder);
  if (await create(path)) return true;
  const [host, process] = (await readFile(path, 'utf8').catch(() => '')).split('\n');
  if (host !== hostname() || isRunning(Number(process))) return false;
  await rm(path, { force: true });
  return create(path);
}

async function create(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(`${hostname()}\n${process.pid}\n`).finally(() => file.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is running and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
