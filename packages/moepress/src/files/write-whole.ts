import { dirname } from 'node:path';
import { makeFolders, replaceFile } from '@moepress/checkpoint';

/** Writes a file whole or not at all, making its folder. Throws `DISK_FULL` or `WRITE_FAILED`. */
export async function writeWhole(file: string, text: string): Promise<void> {
  await makeFolders(dirname(file));
  await replaceFile(file, (handle) => handle.writeFile(text));
}
