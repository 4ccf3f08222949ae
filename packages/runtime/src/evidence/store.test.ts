import { existsSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import type { Evidence, Model, ProgressEvent, Statistic } from '@moepress/core';
import {
  expertHits,
  gatedOutputNorms,
  mlpSequenceMaskFisher,
  outputGram,
  sequenceMaskFisher,
} from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrate } from '../calibration/calibrate.js';
import { Engine } from '../engine/engine.js';
import { fixtures } from '../testing/golden.js';
import { inTemporaryFolder } from '../testing/temporary.js';
import { readMeasured } from './report.js';
import { layerPath } from './statistic-folder.js';
import { EvidenceStore, type StoredEvidence } from './store.js';

let engine: Engine;
let model: Model;
let sequences: readonly number[][];
beforeAll(async () => {
  engine = new Engine();
  const golden = await fixtures[2]!.load();
  model = await openModel(golden.model);
  sequences = golden.sequences;
});
afterAll(() => engine.dispose());

/** Every pass, and two statistics in one of them. */
const statistics: readonly [Statistic, string][] = [
  [expertHits, 'count'],
  [gatedOutputNorms, 'sum'],
  [outputGram, 'gram'],
  [sequenceMaskFisher, 'sum'],
];
const all = statistics.map(([statistic]) => statistic);

const numbers = ({ layers }: Evidence, wanted = statistics) =>
  layers.map((layer) => wanted.map(([statistic, output]) => layer.read(statistic, output)));

/** Calibrates with a store and tells which passes ran and what the warnings were. */
async function run(
  root: string,
  options: { of?: Model; set?: readonly number[][]; wanted?: Statistic[] } = {},
) {
  const events: ProgressEvent[] = [];
  const set = { source: 'golden', seed: 0, sequences: options.set ?? sequences };
  const evidence = await calibrate(engine, {
    model: options.of ?? model,
    set,
    statistics: options.wanted ?? all,
    store: new EvidenceStore(root),
    progress: (event) => events.push(event),
  });
  const passes = events.flatMap((event) =>
    event.type === 'start' && event.unit === 'tokens' ? [event.task] : [],
  );
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { evidence, passes, warnings };
}

const everyPass = ['Calibrating', 'Running all experts', 'Differentiating'];

describe('EvidenceStore', () => {
  it('gives back bit for bit what was measured, without measuring', () =>
    inTemporaryFolder(async (root) => {
      const plain = await calibrate(engine, {
        model,
        set: { source: 'golden', seed: 0, sequences },
        statistics: all,
      });
      const first = await run(root);
      const second = await run(root);
      expect([first.passes, second.passes]).toEqual([everyPass, []]);
      expect(numbers(first.evidence)).toEqual(numbers(plain));
      expect(numbers(second.evidence)).toEqual(numbers(plain));
      expect(second.evidence.calibration).toEqual(plain.calibration);
    }));

  it('holds what was measured of dense FFNs with the layers they are in', () =>
    inTemporaryFolder(async (root) => {
      const wanted = [mlpSequenceMaskFisher, expertHits];
      const sums = ({ mlps }: Evidence) => mlps.map((layer) => layer.read(mlpSequenceMaskFisher, 'sum'));
      const [first, second] = [await run(root, { wanted }), await run(root, { wanted })];
      expect([first.passes, second.passes]).toEqual([['Calibrating', 'Differentiating'], []]);
      expect(first.evidence.mlps.map(({ layer }) => layer)).toEqual([1]);
      expect(sums(second.evidence)).toEqual(sums(first.evidence));
      const stored = await new EvidenceStore(root).list();
      const layers = stored.map(({ record }) => [record.statistic.name, record.layers.complete]);
      expect(Object.fromEntries(layers)).toEqual({
        [expertHits.name]: [0, 2],
        [mlpSequenceMaskFisher.name]: [1],
      });
      expect((await readMeasured(stored)).map(({ layer }) => layer)).toEqual([0, 2]);
    }));

  it('holds one folder a statistic, with its shapes, and no scratch files', () =>
    inTemporaryFolder(async (root) => {
      await run(root);
      const stored = await new EvidenceStore(root).list();
      expect(readdirSync(root).sort()).toEqual(
        stored.map(({ folder }) => folder.slice(root.length + 1)).sort(),
      );
      expect(stored.map(({ record }) => record.statistic.name).sort()).toEqual(
        all.map(({ name }) => name).sort(),
      );
      for (const { record, bytes } of stored) {
        expect(record.layers).toEqual({ expected: [0, 2], complete: [0, 2] });
        expect(record.model).toMatchObject({ id: model.id, architecture: 'qwen3_moe' });
        expect(record.calibration.tokens).toBe(94);
        expect(bytes).toBeGreaterThan(100);
      }
      const { folder } = stored.find(({ record }) => record.statistic.name === 'output-gram')!;
      expect(readFileSync(layerPath(folder, 0), 'latin1')).toContain('"dtype":"F64","shape":[16,16]');
    }));

  it('measures only what is missing', () =>
    inTemporaryFolder(async (root) => {
      await run(root, { wanted: [expertHits, outputGram] });
      expect((await run(root, { wanted: [expertHits, gatedOutputNorms] })).passes).toEqual(['Calibrating']);
      expect((await run(root)).passes).toEqual(['Differentiating']);
    }));

  it('measures a new version of a statistic, another view and other tokens', () =>
    inTemporaryFolder(async (root) => {
      const wanted = [expertHits];
      await run(root, { wanted });
      const remapped: Model = {
        ...model,
        blocks: model.blocks.map((block) =>
          block.ffn.kind === 'moe'
            ? { ...block, ffn: { ...block.ffn, slots: block.ffn.slots.toReversed() } }
            : block,
        ),
      };
      const once = ['Calibrating'];
      expect((await run(root, { wanted: [{ ...expertHits, version: 2 }] })).passes).toEqual(once);
      expect((await run(root, { wanted, of: remapped })).passes).toEqual(once);
      expect((await run(root, { wanted, set: sequences.slice(1) })).passes).toEqual(once);
      expect((await run(root, { wanted })).passes).toEqual([]);
    }));

  it.each<[string, (file: string) => void]>([
    ['cut short', (file) => truncateSync(file, 100)],
    ['changed in one bit', (file) => flip(file, -1)],
    ['of another layer', (file) => renameSync(file.replace('layer-0', 'layer-2'), file)],
    ['gone', (file) => renameSync(file, `${file}.gone`)],
  ])('measures a layer again whose file is %s', (_, damage) =>
    inTemporaryFolder(async (root) => {
      const wanted = [gatedOutputNorms];
      const { evidence } = await run(root, { wanted });
      const [{ folder }] = (await new EvidenceStore(root).list()) as [StoredEvidence];
      damage(layerPath(folder, 0));
      const again = await run(root, { wanted });
      expect(again.passes).toEqual(['Calibrating']);
      expect(again.warnings.join()).toContain('gated-output-norms is measured again');
      const own: [Statistic, string][] = [[gatedOutputNorms, 'sum']];
      expect(numbers(again.evidence, own)).toEqual(numbers(evidence, own));
      expect((await run(root, { wanted })).passes).toEqual([]);
    }),
  );

  it('does not believe a record that is damaged or about something else', () =>
    inTemporaryFolder(async (root) => {
      const wanted = [expertHits];
      await run(root, { wanted });
      const [{ folder }] = (await new EvidenceStore(root).list()) as [StoredEvidence];
      const path = join(folder, 'evidence.json');
      const record = JSON.parse(readFileSync(path, 'utf8'));
      const foreign = { ...record, model: { ...record.model, identity: '0'.repeat(64) } };
      for (const text of ['{', '[]', JSON.stringify(foreign), JSON.stringify({ ...record, version: 2 })]) {
        writeFileSync(path, text);
        expect((await run(root, { wanted })).passes).toEqual(['Calibrating']);
      }
      expect(existsSync(path)).toBe(true);
    }));
});

/** Flips a bit of the byte at `place`, counted from the end if negative. */
function flip(file: string, place: number): void {
  const bytes = readFileSync(file);
  bytes[place < 0 ? bytes.length + place : place]! ^= 1;
  writeFileSync(file, bytes);
}
