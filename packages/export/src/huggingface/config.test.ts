import { readFile } from 'node:fs/promises';
import { architectures, findArchitecture } from '@moepress/checkpoint';
import { applyPlan, type CompressionPlan, encodeChannels, type Model } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { narrowPlan, openFixture, planFor, remapPlan } from '../support.test.util.js';
import { hasModelingCode, modelingFile, writtenConfig } from './config.js';
import { placeByOrigin } from './placement.js';

describe('config.json of a compact checkpoint', () => {
  it.each(architectures.filter(hasModelingCode))(
    'names classes that the modeling file has: $modelType',
    async (manifest) => {
      const source = await readFile(new URL(`../../python/${modelingFile}`, import.meta.url), 'utf8');
      const base = await openFixture('olmoe');
      const view = applyPlan(base, remapPlan(base));
      const { record } = placeByOrigin(view);
      const config = writtenConfig(view, manifest, { record, plan: undefined, quantised: true });
      expect(source).toContain(`model_type = "${config.model_type}"`);
      for (const name of Object.values(config.auto_map as Record<string, string>)) {
        expect(source).toContain(`class ${name.replace(/^modeling_moepress\./, '')}(`);
      }
    },
  );
});

describe('config.json of a stock checkpoint', () => {
  const written = async (name: string, planOf: (base: Model) => CompressionPlan) => {
    const base = await openFixture(name);
    const manifest = findArchitecture(base.architecture, name);
    const options = { record: null, plan: undefined, quantised: true };
    return { base, config: () => writtenConfig(applyPlan(base, planOf(base)), manifest, options) };
  };

  it('counts the shared expert in experts of the new width', async () => {
    const { base, config } = await written('deepseek_v2', narrowPlan);
    const width = base.source.config.moe_intermediate_size as number;
    expect(config()).toEqual({
      ...base.source.config,
      moe_intermediate_size: width / 2,
      n_shared_experts: 4,
    });
  });

  it('refuses a width of which the shared expert is no multiple', async () => {
    const { config } = await written('deepseek_v2', (base) =>
      planFor(base, (_, experts) => ({
        op: 'keep-channels',
        channels: Array.from({ length: experts }, () => encodeChannels([...Array(23).keys()], 24)),
      })),
    );
    expect(config).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }));
    expect(config).toThrow('48 channels, which "n_shared_experts" counts in routed experts of 23');
  });

  it('promises no layers for further tokens, which are not written', async () => {
    const base = await openFixture('deepseek_v3');
    const config = { ...base.source.config, num_nextn_predict_layers: 1 };
    const model = { ...base, source: { ...base.source, config } };
    const options = { record: null, plan: undefined, quantised: true };
    const manifest = findArchitecture('deepseek_v3', 'config.json');
    expect(writtenConfig(model, manifest, options)).toEqual({ ...config, num_nextn_predict_layers: 0 });
  });
});
