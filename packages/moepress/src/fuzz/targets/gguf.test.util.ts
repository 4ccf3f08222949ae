import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModel, readGguf } from '@moepress/checkpoint';
import { measure } from '@moepress/core';
import { exportModel } from '../../export-model.js';
import { packageFile } from '../../package-root.js';
import { mutateBytes } from '../bytes.test.util.js';
import type { Random } from '../random.test.util.js';
import type { Target } from '../target.test.util.js';

/** Counts, lengths, sizes and places that no file has. */
const numbers = [
  0n,
  1n,
  31n,
  64n,
  255n,
  2n ** 31n,
  2n ** 32n,
  2n ** 40n,
  2n ** 53n,
  2n ** 60n,
  2n ** 64n - 1n,
];

/** The bytes with some numbers before `end` replaced, of eight bytes or of four. */
function mutateNumbers(given: Buffer, end: number, random: Random): Buffer {
  const bytes = Buffer.from(given);
  for (let i = random.pick([1, 1, 2, 3]); i > 0; i--) {
    const at = random.below(end - 8);
    if (random.chance(0.5)) bytes.writeBigUInt64LE(random.pick(numbers), at);
    else bytes.writeUInt32LE(random.below(45), at);
  }
  return bytes;
}

const fixtures = fileURLToPath(packageFile('../checkpoint/fixtures/'));

export const gguf: Target = {
  name: 'gguf',
  async prepare(folder) {
    const metadata = readFileSync(join(fixtures, 'gguf/metadata.gguf'));
    const sound = join(folder, 'sound.gguf');
    await exportModel(join(fixtures, 'glm4_moe'), sound, { to: 'gguf', type: 'f16' });
    const whole = { bytes: readFileSync(sound), end: (await readGguf(sound)).dataStart };
    const file = join(folder, 'model.gguf');
    return async (random) => {
      const isModel = random.chance(0.5);
      const { bytes: from, end } = isModel ? whole : { bytes: metadata, end: 576 };
      const bytes = random.chance(0.5) ? mutateNumbers(from, end, random) : mutateBytes(from, random);
      writeFileSync(file, bytes);
      const { tensors } = await readGguf(file);
      for (const { name, offset, length } of tensors.values()) {
        if (offset + length > bytes.length) throw new Error(`${name} lies outside the file`);
      }
      if (isModel) measure(await openModel(file));
    };
  },
};
