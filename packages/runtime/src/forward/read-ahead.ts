import { open } from 'node:fs/promises';
import { type Block, blockTensors, type StoredTensor, storedIn } from '@moepress/core';

const pieceBytes = 4 * 2 ** 20;

/** What comes faster than this was in memory before; bytes a second, told from the first so many pieces. */
const memorySpeed = 2e9;
const probed = 8;

/** Reading that is under way. */
export interface ReadAhead {
  /** Resolves to the bytes read when no file is read any more. */
  readonly done: Promise<number>;
  stop(): Promise<void>;
}

/**
 * Reads the weights of a block while another one computes, so that the system has them in memory when they are
 * mapped: mapped pages come from the disk one fault at a time, with the products waiting. Does nothing that
 * can fail: what cannot be read is told when it is mapped.
 */
export function readAhead(block: Block | undefined): ReadAhead {
  const control = { stopped: false };
  const done = block ? readAll(block, control).catch(() => 0) : Promise.resolve(0);
  return {
    done,
    async stop() {
      control.stopped = true;
      await done;
    },
  };
}

async function readAll(block: Block, control: { readonly stopped: boolean }): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes);
  const began = performance.now();
  let [bytes, pieces] = [0, 0];
  for (const [file, tensors] of byFile(block)) {
    const handle = await open(file);
    try {
      for (const { offset, length } of tensors) {
        for (let at = 0; at < length; at += pieceBytes) {
          if (control.stopped) return bytes;
          const { bytesRead } = await handle.read(buffer, 0, Math.min(pieceBytes, length - at), offset + at);
          bytes += bytesRead;
          if (++pieces === probed && isFromMemory(bytes, performance.now() - began)) return bytes;
        }
      }
    } finally {
      await handle.close();
    }
  }
  return bytes;
}

const isFromMemory = (bytes: number, milliseconds: number): boolean =>
  (bytes * 1000) / milliseconds > memorySpeed;

/** Every stretch of file once: experts may be slices of one. */
function byFile(block: Block): Map<string, Iterable<StoredTensor>> {
  const files = new Map<string, Map<number, StoredTensor>>();
  for (const stored of blockTensors(block).flatMap((expr) => [...storedIn(expr)])) {
    const tensors = files.get(stored.file) ?? new Map();
    files.set(stored.file, tensors.set(stored.offset, stored));
  }
  return new Map([...files].map(([file, tensors]) => [file, tensors.values()]));
}
