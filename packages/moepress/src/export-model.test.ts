import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { describeExport, exportModel } from './export-model.js';
import { openModel } from './models/open-model.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-export-model-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = await openModel(fileURLToPath(new URL('../../checkpoint/fixtures/olmoe', import.meta.url)));
const calibration = { source: 'ids', seed: 0, sequences: [[31, 41, 59, 26, 53, 58, 97, 93, 23, 84]] };
const options = { to: 'gguf', type: 'q4_0', cache: false } as const;

it('weighs errors by what is measured, or by the same from a file', async () => {
  const [own, imatrix] = [join(folder, 'own.gguf'), join(folder, 'imatrix.gguf')];
  const measured = await exportModel(model, own, { ...options, calibration, imatrixOut: imatrix });
  const read = await exportModel(model, join(folder, 'read.gguf'), { ...options, imatrix });
  const plain = await exportModel(model, join(folder, 'plain.gguf'), options);
  const [first, second, other] = [measured, read, plain].map(({ out }) => readFileSync(out));
  expect(first!.equals(second!)).toBe(true);
  const shift = other!.length - first!.length;
  expect(first!.filter((byte, i) => byte !== other![i + shift]).length).toBeGreaterThan(1000);
  expect(readdirSync(folder).sort()).toEqual(['imatrix.gguf', 'own.gguf', 'plain.gguf', 'read.gguf']);
});

it('refuses an importance matrix that nothing would come of', async () => {
  const refused = async (given: object, where: string) =>
    expect(exportModel(model, join(folder, 'no.gguf'), { ...options, ...given })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      where,
    });
  await refused({ type: 'f16', calibration }, 'calibration');
  await refused({ type: 'q8_0', imatrix: 'x.gguf' }, 'imatrix');
  await refused({ to: 'hf', type: 'int4', calibration }, 'calibration');
  await refused({ imatrixOut: 'x.gguf' }, 'imatrixOut');
  await refused({ imatrix: 'x.gguf', calibration }, 'imatrix');
  expect((await describeExport(model, options)).type).toBe('q4_0');
});
