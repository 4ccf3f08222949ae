import { createRequire } from 'node:module';

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
