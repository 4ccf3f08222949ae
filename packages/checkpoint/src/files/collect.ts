import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * Frees what nobody can reach any more, which V8 would let wait: it takes some milliseconds for each 100 MB in use. What a process
 * is going to take is then told from what it needs.
 */
export function collectGarbage(): void {
  // The function that `node --expose-gc` offers; the flag shows in contexts that are made after it is set.
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
