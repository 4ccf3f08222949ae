import { MoepressError } from '@moepress/core';
import { expect, it } from 'vitest';
import { copyOfFixture, edit, fixture } from '../support.test.util.js';
import { openModel } from './open.js';

it('opens a wrapper around the text model that is known in it, and no other', async () => {
  const { architecture, source } = await openModel(fixture('mistral3'));
  expect(architecture).toBe('mistral3');
  expect(source.unread.map(({ name }) => name.split('.')[0])).toEqual(
    expect.arrayContaining(['vision_tower', 'multi_modal_projector']),
  );
  expect(source.unread.some(({ name }) => name.startsWith('language_model.'))).toBe(false);

  const folder = await copyOfFixture('mistral3');
  await edit(folder, 'config.json', (config) => {
    (config.text_config as Record<string, unknown>).model_type = 'mistral';
  });
  const error = await openModel(folder).catch((cause: unknown) => cause);
  expect(MoepressError.isInstance(error) && `${error.code} ${error.message}`).toMatch(
    /^ARCHITECTURE_UNKNOWN .*"mistral"; in "mistral3" only "mistral4" is known/,
  );
});
