import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { measure } from '@moepress/core';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { copyOfFixture, edit, fixture } from '../support.test.util.js';
import * as families from './list.js';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const guide = here('../../../../docs/architectures.md');

/** The package as it is with the given families in its list. */
async function withFamilies(listed: Readonly<Record<string, unknown>>) {
  vi.resetModules();
  vi.doMock('./list.js', () => listed);
  const { openModel } = await import('../model/open.js');
  const { diagnoseCheckpoint } = await import('../diagnose/diagnose.js');
  return { openModel, diagnoseCheckpoint };
}

afterEach(() => {
  vi.doUnmock('./list.js');
  vi.resetModules();
});

/** The manifest that the guide shows, in a file beside the others, for a family of another name. */
async function exampleAs(modelType: string): Promise<unknown> {
  const [, code] = /<!-- example -->\s*```ts\n([\s\S]*?)```/.exec(await readFile(guide, 'utf8'))!;
  const file = here(`./${modelType}.test.util.ts`);
  onTestFinished(() => rm(file));
  await writeFile(file, code!.replace("modelType: 'mixtral'", `modelType: '${modelType}'`));
  return ((await import(/* @vite-ignore */ file)) as { mixtral: unknown }).mixtral;
}

describe('the guide to a new family, for one that is data only', () => {
  it('leads from a refusal to every byte, by a manifest and its line', async () => {
    const folder = await copyOfFixture('mixtral');
    await edit(folder, 'config.json', (config) => {
      config.model_type = 'walked';
    });
    const before = await withFamilies(families);
    await expect(before.openModel(folder)).rejects.toMatchObject({ code: 'ARCHITECTURE_UNKNOWN' });
    const { nearest } = await before.diagnoseCheckpoint(folder);
    expect(nearest).toMatchObject({ modelType: 'mixtral', unknown: [], missing: [], obstacle: null });

    const after = await withFamilies({ ...families, walked: await exampleAs('walked') });
    const model = await after.openModel(folder);
    const known = await after.openModel(fixture('mixtral'));
    expect(model.source.unread).toEqual([]);
    expect(model.architecture).toBe('walked');
    expect(model.config).toEqual(known.config);
    expect(measure(model)).toEqual(measure(known));
  });

  it('has a line in the list for each manifest, and each line has one', () => {
    const files = readdirSync(here('.')).filter((name) => !name.includes('.test.'));
    const declared = files.flatMap((name) =>
      [...readFileSync(here(name), 'utf8').matchAll(/^export const (\w+): ArchitectureManifest/gm)].map(
        ([, constant]) => constant,
      ),
    );
    expect(Object.keys(families).sort()).toEqual(declared.sort());
  });
});
