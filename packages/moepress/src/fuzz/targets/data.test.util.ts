import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Tokenizer } from '@moepress/core';
import { loadCalibration, openDatasets, parseCalibration } from '@moepress/harness';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { mutateBytes, mutateText } from '../bytes.test.util.js';
import { mutateJson, render } from '../json.test.util.js';
import type { Random } from '../random.test.util.js';
import type { Target } from '../target.test.util.js';

const bytes: Tokenizer = {
  bosTokenId: null,
  eosTokenId: 0,
  encode: (text) => [...Buffer.from(text.slice(0, 1000))],
  decode: (ids) => Buffer.from(ids).toString(),
};

/** Reads a file as a calibration set, the first few documents of it. */
function load(file: string) {
  const parts = parseCalibration(`"${file}":2`);
  return loadCalibration(parts, { tokenizer: bytes, maxPositions: 64, seed: 0, datasets: openDatasets() });
}

const rowsOf = [
  { text: 'One document, é漢😀.', id: 1, more: { list: [1, 2.5, null], flag: true } },
  { text: 'Another one.\nOf two lines.', id: 2, more: { list: [], flag: false } },
];

const table = 'id,text,score\n1,"a ""quoted"", one\nline",0.5\n2,NA,-1e5\n';
const plain = 'One.\n\nTwo,\nof two lines.\n \n\nThree.\r\n';

function content(kind: string, random: Random): string {
  if (kind === 'csv') return mutateText(table, random);
  if (kind === 'tsv') return mutateText(table.replaceAll(',', '\t'), random);
  if (kind === 'txt') return mutateText(plain, random);
  if (kind === 'json')
    return render(mutateJson(random.chance(0.5) ? rowsOf : { text: ['a', 'b'], n: [1, 2] }, random), random);
  const lines = rowsOf.map((row) => render(random.chance(0.7) ? mutateJson(row, random) : row, random));
  return random.chance(0.2) ? mutateText(lines.join('\n'), random) : lines.join('\n');
}

export const rows: Target = {
  name: 'rows',
  async prepare(folder) {
    return (random) => {
      const kind = random.pick(['jsonl', 'json', 'csv', 'tsv', 'txt']);
      const text = content(kind, random);
      const isPacked = random.chance(0.3);
      const file = join(folder, `rows.${kind}${isPacked ? '.gz' : ''}`);
      const repeated = random.chance(0.01) ? text.slice(0, 20).repeat(2_000_000) : text;
      const packed = isPacked ? gzipSync(repeated, { level: 1 }) : repeated;
      writeFileSync(file, random.chance(0.1) ? mutateBytes(Buffer.from(packed), random) : packed);
      return load(file);
    };
  },
};

export const parquet: Target = {
  name: 'parquet',
  async prepare(folder) {
    const many = Array.from({ length: 300 }, (_, i) => `text ${i % 7}`);
    const sound = [
      { columnData: [{ name: 'text', data: ['a', 'b', null], type: 'STRING' as const }] },
      {
        columnData: [
          { name: 'text', data: many, type: 'STRING' as const },
          { name: 'n', data: many.map((_, i) => BigInt(i)), type: 'INT64' as const },
          { name: 'x', data: many.map((_, i) => i / 3), type: 'DOUBLE' as const },
          { name: 'flag', data: many.map((_, i) => i % 2 === 0), type: 'BOOLEAN' as const },
        ],
      },
      {
        columnData: [
          { name: 'text', data: Array<string>(50_000).fill('x'.repeat(200)), type: 'STRING' as const },
        ],
      },
    ].map((content) => Buffer.from(parquetWriteBuffer(content)));
    const file = join(folder, 'rows.parquet');
    return (random) => {
      const whole = random.pick(random.chance(0.1) ? sound : sound.slice(0, 2));
      const changed = mutateBytes(whole, random);
      // The footer says where everything is; most changes belong there.
      const from = Math.max(0, whole.length - 600);
      const footer = Buffer.concat([whole.subarray(0, from), mutateBytes(whole.subarray(from), random)]);
      writeFileSync(file, random.chance(0.5) ? changed : footer);
      return load(file);
    };
  },
};
