import { readFile } from 'node:fs/promises';
import { architectures } from '@moepress/checkpoint';
import { applyPlan } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openFixture, remapPlan } from '../support.test.util.js';
import { formatJson, modelingFile, writtenConfig } from './config.js';
import { placeByOrigin } from './placement.js';

describe('config.json of a compact checkpoint', () => {
  it.each(architectures)('names classes that the modeling file has: $modelType', async (manifest) => {
    const source = await readFile(new URL(`../../python/${modelingFile}`, import.meta.url), 'utf8');
    const base = await openFixture('olmoe');
    const view = applyPlan(base, remapPlan(base));
    const config = writtenConfig(view, manifest, placeByOrigin(view).record, undefined);
    expect(source).toContain(`model_type = "${config.model_type}"`);
    for (const name of Object.values(config.auto_map as Record<string, string>)) {
      expect(source).toContain(`class ${name.replace(/^modeling_moepress\./, '')}(`);
    }
  });
});

describe('formatJson', () => {
  it('keeps slot maps on one line', () => {
    expect(
      formatJson({
        slots: [
          [0, 1],
          [2, 3],
        ],
        names: ['a', 'b'],
        empty: [],
      }),
    ).toBe('{\n  "slots": [[0, 1], [2, 3]],\n  "names": [\n    "a",\n    "b"\n  ],\n  "empty": []\n}\n');
  });

  it('changes no value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(formatJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    const tricky = ['[\n  1,\n  2\n]', [[-1], [2, -3]], [[[4]]]];
    expect(JSON.parse(formatJson(tricky))).toEqual(tricky);
  });
});
