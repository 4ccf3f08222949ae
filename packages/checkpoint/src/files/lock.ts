import { constants } from 'node:fs';
import { type FileHandle, lstat, open, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { asWriteError } from './file-errors.js';

/** The part of fs-native-extensions that is used here. */
interface Extensions {
  /** False if somebody else holds a lock on the file. Throws what the system says of files that cannot be locked. */
  tryLock(descriptor: number): boolean;
}

/** `none`: this system, or the disk that the file is on, keeps no locks. */
export type LockAnswer = 'ours' | 'busy' | 'none';

let extensions: Extensions | null | undefined;

/**
 * Locks an open file for writing, without waiting. The kernel keeps the lock with the open file, not with a process id:
 * it goes when the file is closed, and so whenever its process ends, however it ends; two opened files of one process
 * exclude each other too. The descriptor must be open for writing, and must stay open.
 *
 * These are open file description locks on Linux, `flock` on macOS and `LockFileEx` on Windows. All processes of one
 * kernel see them, in whatever containers, and over NFS all machines whose server keeps locks.
 */
export function lockDescriptor(descriptor: number): LockAnswer {
  extensions = extensions === undefined ? load() : extensions;
  if (extensions === null) return 'none';
  try {
    return extensions.tryLock(descriptor) ? 'ours' : 'busy';
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EWOULDBLOCK' || code === 'EBUSY' ? 'busy' : 'none';
  }
}

/** Null where the package has no build for this system. */
function load(): Extensions | null {
  try {
    const require = createRequire(import.meta.url);
    return require('fs-native-extensions');
  } catch {
    return null;
  }
}

/** A lock that is ours until it is released, or this process ends. */
export interface HeldLock {
  /** The open file, for a note about its holder. */
  readonly file: FileHandle;
  /** Gives the lock back and leaves the file. */
  leave(): Promise<void>;
  /** Removes the file and gives the lock back. */
  release(): Promise<void>;
}

/** `busy`: somebody has it. `none`: this disk keeps no locks, so that nobody can tell. */
export type TakenLock = HeldLock | 'busy' | 'none';

/** Milliseconds after which a lock that is busy is tried again: who only looks whether it is free holds it a moment. */
const again = [10, 40];
/** Processes that find the file of a dead run at once, each removing what the other made; a few rounds at most. */
const rounds = 100;

/**
 * Takes the lock that the file at `path` stands for, which is made unless it is there. What a dead run left is a file
 * that nobody holds, whatever is in it, so it is taken over, and by one of several that try at once. Links are not
 * followed. Throws `DISK_FULL` or `WRITE_FAILED` if there can be no such file.
 */
export async function takeLock(path: string, { make = true }: { make?: boolean } = {}): Promise<TakenLock> {
  const waits = make ? [...again] : [];
  for (let round = 0; round < rounds; round++) {
    const file = await openLock(path, make);
    const answer = lockDescriptor(file.fd);
    if (answer === 'busy' && waits.length > 0) {
      await file.close();
      await setTimeout(waits.shift());
      continue;
    }
    // Who held it before may have removed the file in between: then others lock another one of that name.
    if (answer === 'ours' && !(await isStill(file, path))) {
      await file.close();
      continue;
    }
    if (answer === 'ours') return hold(file, path);
    await file.close();
    return answer;
  }
  return 'busy';
}

/** Open files of locks: one that nobody refers to would be closed, and its lock lost. */
const held = new Set<FileHandle>();

function hold(file: FileHandle, path: string): HeldLock {
  held.add(file);
  const leave = async () => {
    held.delete(file);
    await file.close();
  };
  return {
    file,
    leave,
    async release() {
      try {
        // While it is held: afterwards the name may be another's.
        if (await isStill(file, path)) await rm(path, { force: true });
      } finally {
        await leave();
      }
    },
  };
}

async function openLock(path: string, make: boolean): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);
  try {
    const file = await open(path, make ? flags | constants.O_CREAT : flags, 0o666);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (cause) {
    throw asWriteError(cause, path);
  }
  throw asWriteError(new Error('the path is not a file'), path);
}

async function isStill(file: FileHandle, path: string): Promise<boolean> {
  const [ours, there] = [await file.stat(), await lstat(path).catch(() => null)];
  return there !== null && ours.ino === there.ino && ours.dev === there.dev;
}
