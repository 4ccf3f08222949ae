/**
 * Makes the fixtures gpt_oss_mxfp4 and deepseek_v3_fp8 from gpt_oss and deepseek_v3, with the names,
 * types and shapes that checkpoints on the Hub have. Run it after a build:
 * node packages/checkpoint/scripts/quantise-fixtures.mjs
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { slab } from '@moepress/core';
import { arrayEntry, decodeFloat32, exprEntry, readSafetensors, writeSafetensors } from '../dist/index.js';

const fixture = (name) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** Squares that share an FP8 scale. The Hub's have 128; these are small, and some are cut off at an edge. */
const fp8Block = 32;

/** Magnitudes of 4-bit floats (E2M1), in the order of their codes. */
const fourBits = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/** Of 8-bit floats (E4M3). The last code is NaN, which is near to nothing. */
const eightBits = Array.from({ length: 128 }, (_, code) => {
  if (code === 127) return Number.POSITIVE_INFINITY;
  return code < 8 ? code * 2 ** -9 : (8 + (code & 7)) * 2 ** ((code >> 3) - 10);
});

await requantise('gpt_oss', 'gpt_oss_mxfp4', toMxfp4, { quant_method: 'mxfp4' });
await requantise('deepseek_v3', 'deepseek_v3_fp8', toFp8, {
  activation_scheme: 'dynamic',
  fmt: 'e4m3',
  quant_method: 'fp8',
  weight_block_size: [fp8Block, fp8Block],
});

async function requantise(from, to, convert, quantisation) {
  await mkdir(fixture(to), { recursive: true });
  const config = JSON.parse(await readFile(`${fixture(from)}/config.json`, 'utf8'));
  const changed = { ...config, quantization_config: quantisation };
  await writeFile(`${fixture(to)}/config.json`, `${JSON.stringify(changed, null, 2)}\n`);
  await copyFile(`${fixture(from)}/generation_config.json`, `${fixture(to)}/generation_config.json`);
  const { tensors } = await readSafetensors(`${fixture(from)}/model.safetensors`);
  const entries = [];
  for (const tensor of tensors.values()) entries.push(...(await convert(tensor)));
  await writeSafetensors(`${fixture(to)}/model.safetensors`, entries, { metadata: { format: 'pt' } });
}

/** [experts, width, out] in BF16 to blocks [experts, out, width / 32, 16] and scales without the last axis. */
async function toMxfp4(tensor) {
  if (!/experts\.(gate_up|down)_proj$/.test(tensor.name)) return [exprEntry(tensor.name, tensor)];
  const [experts, width, out] = tensor.shape;
  const blocks = new Uint8Array((experts * width * out) / 2);
  const scales = new Uint8Array((experts * width * out) / 32);
  for (let e = 0; e < experts; e++) {
    const values = await decodeFloat32(slab(tensor, e));
    for (let row = 0; row < out; row++) {
      for (let group = 0; group < width / 32; group++) {
        const at = (e * out + row) * (width / 32) + group;
        const neighbours = Array.from({ length: 32 }, (_, i) => values[(group * 32 + i) * out + row]);
        const largest = Math.max(...neighbours.map(Math.abs), 2 ** -100);
        // The largest magnitude of four bits is 6 = 1.5 * 2^2.
        const exponent = Math.floor(Math.log2(largest)) - 2;
        scales[at] = exponent + 127;
        neighbours.forEach((value, i) => {
          blocks[at * 16 + (i >> 1)] |= nearest(value / 2 ** exponent, fourBits) << (4 * (i & 1));
        });
      }
    }
  }
  return [
    arrayEntry(`${tensor.name}_blocks`, 'U8', [experts, out, width / 32, 16], blocks),
    arrayEntry(`${tensor.name}_scales`, 'U8', [experts, out, width / 32], scales),
  ];
}

async function toFp8(tensor) {
  if (!/_proj(_with_mqa)?\.weight$/.test(tensor.name)) return [exprEntry(tensor.name, tensor)];
  const [out, width] = tensor.shape;
  const values = await decodeFloat32(tensor);
  const grid = [out, width].map((n) => Math.ceil(n / fp8Block));
  const square = (i) =>
    Math.floor(Math.floor(i / width) / fp8Block) * grid[1] + Math.floor((i % width) / fp8Block);
  const largest = new Float32Array(grid[0] * grid[1]);
  values.forEach((value, i) => {
    largest[square(i)] = Math.max(largest[square(i)], Math.abs(value));
  });
  // 448 is the largest magnitude of E4M3.
  const scales = largest.map((value) => value / 448);
  const bytes = Uint8Array.from(values, (value, i) => nearest(value / scales[square(i)], eightBits));
  return [
    arrayEntry(tensor.name, 'F8_E4M3', [out, width], bytes),
    arrayEntry(`${tensor.name}_scale_inv`, 'F32', grid, scales),
  ];
}

/** The code of the magnitude nearest to a value, the even one of two, with the sign bit above. */
function nearest(value, magnitudes) {
  const distances = magnitudes.map((magnitude) => Math.abs(Math.abs(value) - magnitude));
  const least = Math.min(...distances);
  const codes = [...distances.keys()].filter((code) => distances[code] === least);
  const code = codes.find((candidate) => candidate % 2 === 0) ?? codes[0];
  return value < 0 ? code + magnitudes.length : code;
}
