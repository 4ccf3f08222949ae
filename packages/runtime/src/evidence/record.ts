import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '@moepress/checkpoint';
import { calibrationRecordSchema, parseJson } from '@moepress/core';
import { z } from 'zod';

const index = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const recordSchema = z.strictObject({
  format: z.literal('moepress-evidence'),
  version: z.literal(1),
  model: z.strictObject({ id: z.string(), architecture: z.string(), identity: sha256 }),
  calibration: calibrationRecordSchema,
  statistic: z.strictObject({
    name: z.string(),
    version: z.int(),
    of: z.enum(['experts', 'mlps', 'attention']).default('experts'),
    pass: z.enum(['forward', 'all-experts', 'backward']),
  }),
  /** Decoder layers: those to be measured, and those that have been. */
  layers: z.strictObject({ expected: z.array(index), complete: z.array(index) }),
});

/** The content of `evidence.json`, which describes a folder of evidence. */
export type EvidenceRecord = z.infer<typeof recordSchema>;

const fileName = 'evidence.json';

/** A record of ten thousand layers is 100 kB. */
const maxBytes = 1024 * 1024;

/** Null if there is none or it is damaged. */
export async function readRecord(folder: string): Promise<EvidenceRecord | null> {
  const path = join(folder, fileName);
  try {
    const info = await stat(path);
    if (!info.isFile() || info.size > maxBytes) return null;
    return recordSchema.parse(parseJson(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

export async function writeRecord(folder: string, record: EvidenceRecord): Promise<void> {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  await replaceFile(join(folder, fileName), (file) => file.writeFile(text));
}
