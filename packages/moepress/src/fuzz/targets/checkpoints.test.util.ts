import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { diagnoseCheckpoint, openModel, openTokenizer, readSafetensors } from '@moepress/checkpoint';
import { measure } from '@moepress/core';
import { tinyModel } from '@moepress/tiny';
import { packageFile } from '../../package-root.js';
import { mutateBytes } from '../bytes.test.util.js';
import { mutateJson, render } from '../json.test.util.js';
import type { Target } from '../target.test.util.js';

const fixtures = fileURLToPath(packageFile('../checkpoint/fixtures/'));

const json = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8'));

/** A folder like another one, whose weights are links. */
function linked(from: string, to: string): string {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (name.endsWith('.safetensors')) symlinkSync(join(from, name), join(to, name));
    else cpSync(join(from, name), join(to, name), { recursive: true });
  }
  return to;
}

function split(bytes: Buffer): { header: Record<string, unknown>; data: Buffer } {
  const end = 8 + Number(bytes.readBigUInt64LE());
  return { header: JSON.parse(bytes.toString('utf8', 8, end)), data: bytes.subarray(end) };
}

/** A safetensors file with a header that is text, however wrong. */
export function withHeader(header: string, data: Buffer, length = Buffer.byteLength(header)): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([size, Buffer.from(header), data]);
}

export const headers: Target = {
  name: 'headers',
  async prepare(folder) {
    const sound = readFileSync(join(fixtures, 'adapters/plain/adapter_model.safetensors'));
    const { header, data } = split(sound);
    const file = join(folder, 'model.safetensors');
    return (random) => {
      const text = render(mutateJson(header, random), random);
      const length = random.chance(0.1) ? random.pick([0, 1, 7, 2 ** 31, 2 ** 52, 99_999_999]) : undefined;
      const bytes = random.chance(0.2) ? mutateBytes(sound, random) : withHeader(text, data, length);
      writeFileSync(file, bytes);
      return readSafetensors(file);
    };
  },
};

export const index: Target = {
  name: 'index',
  async prepare(folder) {
    const copy = linked(join(fixtures, 'qwen3_moe_sharded'), join(folder, 'model'));
    const file = join(copy, 'model.safetensors.index.json');
    const sound = json(file);
    return (random) => {
      writeFileSync(file, render(mutateJson(sound, random), random));
      return openModel(copy);
    };
  },
};

const families = [
  'olmoe',
  'mixtral',
  'qwen2_moe',
  'deepseek_v2',
  'deepseek_v3_fp8',
  'gpt_oss_mxfp4',
  'llama',
];

export const config: Target = {
  name: 'config',
  async prepare(folder) {
    const models = families.map((family) => linked(join(fixtures, family), join(folder, family)));
    const adapted = linked(join(fixtures, 'llama'), join(folder, 'adapted'));
    for (const name of readdirSync(join(fixtures, 'adapters/plain'))) {
      cpSync(join(fixtures, 'adapters/plain', name), join(adapted, name));
    }
    const files = [
      ...models.flatMap((model) =>
        ['config.json', 'generation_config.json'].map((name) => join(model, name)),
      ),
      join(adapted, 'adapter_config.json'),
    ].map((file) => ({ file, text: readFileSync(file, 'utf8') }));
    return async (random) => {
      const { file, text } = random.pick(files);
      const changed = mutateJson(JSON.parse(text), random);
      writeFileSync(
        file,
        random.chance(0.1) ? mutateBytes(Buffer.from(text), random) : render(changed, random),
      );
      try {
        const model = await openModel(join(file, '..'));
        measure(model);
        await diagnoseCheckpoint(join(file, '..'));
      } finally {
        writeFileSync(file, text);
      }
    };
  },
};

const texts = [
  'The 7 cats, 12.5 dogs. ',
  '',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!',
  '<s></s>😀\n\n\t é漢',
];

export const tokenizer: Target = {
  name: 'tokenizer',
  async prepare(folder) {
    const table = json(join(fixtures, 'tokenizers/table.json')) as { tokenizer: object };
    const tiny = json(join(tinyModel.directory, 'tokenizer.json'));
    const slow = { ...table.tokenizer, pre_tokenizer: splitBy('(a+)+$') };
    const sound = [
      { ...table.tokenizer, normalizer: { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' } },
      table.tokenizer,
      tiny,
    ];
    const settings = json(join(tinyModel.directory, 'tokenizer_config.json'));
    return async (random) => {
      const whole = random.chance(0.05) ? slow : random.pick(sound);
      writeFileSync(
        join(folder, 'tokenizer.json'),
        render(random.chance(0.8) ? mutateJson(whole, random) : whole, random),
      );
      writeFileSync(join(folder, 'tokenizer_config.json'), render(mutateJson(settings, random), random));
      const opened = await openTokenizer(folder, { patience: 200 });
      try {
        const ids = await opened.encodeAll(texts);
        await opened.decodeAll([...ids, [0, 1, 2, 1e9]]);
        opened.decode(opened.encode(texts[0]!));
      } finally {
        await opened.close();
      }
    };
  },
};

const splitBy = (Regex: string) => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Isolated',
  invert: false,
});
