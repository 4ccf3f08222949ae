import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder } from '../testing/temporary.js';
import { readFloats, writeFloats } from './tensor-file.js';

describe('files of floats', () => {
  it.each([0, 1, 1000, 2 ** 20 + 3])('hold %d numbers bit for bit', (count) =>
    inTemporaryFolder(async (folder) => {
      const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i) * 10 ** ((i % 60) - 30));
      writeFloats(join(folder, 'x'), [values]);
      const [read] = readFloats(join(folder, 'x'), [count]);
      // Comparing numbers one by one takes seconds.
      expect(Buffer.from(read!.buffer).equals(Buffer.from(values.buffer))).toBe(true);
    }),
  );

  it('are refused when they are cut short, changed or of another size', () =>
    inTemporaryFolder(async (folder) => {
      const file = join(folder, 'x');
      writeFloats(file, [Float32Array.of(1, 2), Float32Array.of(3)]);
      expect(() => readFloats(file, [2])).toThrow('bytes');
      const bytes = readFileSync(file);
      bytes[5]! ^= 4;
      writeFileSync(file, bytes);
      expect(() => readFloats(file, [2, 1])).toThrow('digest');
      truncateSync(file, 20);
      expect(() => readFloats(file, [2, 1])).toThrow('bytes');
      expect(() => readFloats(join(folder, 'absent'), [3])).toThrow('ENOENT');
    }));
});
