import { join } from 'node:path';
import type { ProgressEvent } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { arrayEntry, exprEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { readSafetensors } from '../safetensors/read.js';
import { writeSafetensors } from '../safetensors/write.js';
import { copyOfFixture, edit, failure, fixture } from '../support.test.util.js';
import { decodeFloat32 } from '../tensor/read-tensor.js';
import { openModel } from './open.js';

const head = 'lm_head.weight';
const embed = 'model.embed_tokens.weight';

/** The OLMoE fixture with other weights and a config that ties them, and what opening it says. */
async function open(change: (entries: TensorEntry[]) => TensorEntry[] | Promise<TensorEntry[]>) {
  const folder = await copyOfFixture('olmoe');
  const { tensors } = await readSafetensors(fixture('olmoe/model.safetensors'));
  const entries = [...tensors.values()].map((tensor) => exprEntry(tensor.name, tensor));
  await writeSafetensors(join(folder, 'model.safetensors'), await change(entries));
  await edit(folder, 'config.json', (config) => {
    config.tie_word_embeddings = true;
  });
  const events: ProgressEvent[] = [];
  const model = await openModel(folder, { progress: (event) => events.push(event) });
  return { model, events };
}

const without = (name: string) => (entries: TensorEntry[]) => entries.filter((entry) => entry.name !== name);
const find = (entries: TensorEntry[], name: string) => entries.find((entry) => entry.name === name)!;
const replaced = (entries: TensorEntry[], name: string, by: Pick<TensorEntry, 'bytes'>) =>
  entries.map((entry) => {
    const { of: _, ...rest } = entry;
    return entry.name === name ? { ...rest, ...by } : entry;
  });

describe('tied embeddings', () => {
  it.each([
    [head, embed],
    [embed, head],
  ])('are one tensor where only %s is absent', async (absent, stored) => {
    const { model, events } = await open(without(absent));
    expect(model.head).toBe(model.embed);
    expect(model.embed).toMatchObject({ name: stored });
    expect(model.config.tiedEmbeddings).toBe(true);
    expect(events).toEqual([]);
  });

  it('are one tensor where both hold the same numbers', async () => {
    const { model, events } = await open((entries) =>
      replaced(entries, head, { bytes: find(entries, embed).bytes }),
    );
    expect(model.head).toBe(model.embed);
    expect(model.source.unread).toEqual([]);
    expect(events).toEqual([]);
  });

  it('are one tensor where both hold the same numbers in other types, and zeros of either sign', async () => {
    const { model } = await open(async (entries) => {
      const { tensors } = await readSafetensors(fixture('olmoe/model.safetensors'));
      const stored = tensors.get(embed)!;
      const values = await decodeFloat32(stored);
      values[0] = 0;
      const positive = arrayEntry(embed, 'F32', stored.shape, values.slice());
      values[0] = -0;
      const rest = without(embed)(entries);
      return [...without(head)(rest), positive, arrayEntry(head, 'F32', stored.shape, values)];
    });
    expect(model.head).toBe(model.embed);
  });

  it('are two where one number differs, which is told', async () => {
    const { model, events } = await open(async (entries) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of find(entries, embed).bytes()) pieces.push(piece);
      const bytes = Buffer.concat(pieces);
      bytes[bytes.length - 1]! ^= 1;
      return replaced(entries, head, { bytes: () => [bytes] });
    });
    expect(model.head).toMatchObject({ name: head });
    expect(model.config.tiedEmbeddings).toBe(false);
    expect(events).toEqual([
      { type: 'warning', message: expect.stringMatching(/lm_head\.weight differs from model\.embed_tokens/) },
    ]);
  });

  it('are missing where neither is stored', async () => {
    const gone = open((entries) => without(head)(without(embed)(entries)));
    expect(await failure(gone)).toMatchObject({ code: 'TENSOR_MISSING' });
  });
});
