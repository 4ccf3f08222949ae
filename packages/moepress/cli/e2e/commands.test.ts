import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from '@moepress/checkpoint';
import { describe, expect, it } from 'vitest';
import { cells, columns, type DemoRow } from '../demo/demo-row.js';
import { inTemporaryFolder, moepress } from './command.js';

/** The lines of the table of `moepress demo` in the README. */
function readmeTable(): string[] {
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
  return /```\n(method [^`]+)\n```/.exec(readme)![1]!.split('\n');
}

describe('moepress eval', () => {
  it('scores the embedded model as lm-evaluation-harness did', async () => {
    const tasks = 'tiny_gsm,tiny_facts,tiny_where,tiny_heldout';
    const { code, stdout } = await moepress(['eval', 'tiny', '--tasks', tasks, '--json']);
    expect(code).toBe(0);
    const { results } = JSON.parse(stdout);
    const row = { variant: null, removed: { routed: 0, whole: 0 }, bytes: 0, results };
    expect(readmeTable()[2]!.split(/ {2,}/).slice(-4)).toEqual(cells(row).slice(-4));
    // Figures of packages/tiny/model/README.md: lm-evaluation-harness 0.4.13 on transformers 5.18.
    expect(results).toMatchObject({
      tiny_gsm: { 'exact_match,strict-match': 0.995, 'exact_match,flexible-extract': 0.995 },
      tiny_facts: { 'acc,none': 475 / 480, 'acc_norm,none': 474 / 480 },
      tiny_where: { 'acc,none': 189 / 400, 'acc_norm,none': 186 / 400 },
    });
  });

  it('prints a table and saves results and samples', () =>
    inTemporaryFolder(async (folder) => {
      const args = ['eval', 'tiny', '--tasks', 'tiny_facts', '--limit', '20', '--output', folder];
      const { code, stdout } = await moepress(args);
      expect(code).toBe(0);
      expect(stdout).toMatch(/\|tiny_facts\|/);
      const file = /Results written to (.+)/.exec(stdout)![1]!;
      expect(JSON.parse(readFileSync(file, 'utf8'))['n-samples'].tiny_facts).toEqual({
        original: 480,
        effective: 20,
      });
    }));

  it('names a view after its plan, so that results cannot be mixed up', () =>
    inTemporaryFolder(async (folder) => {
      const method = ['--method', 'random', '--ratio', '0.5'];
      await moepress(['compress', 'tiny', ...method, '--plan-only', '--out', 'p.json'], { cwd: folder });
      const args = ['eval', 'tiny', '--plan', 'p.json', '--tasks', 'tiny_facts', '--limit', '2', '--json'];
      const { stdout } = await moepress(args, { cwd: folder });
      expect(JSON.parse(stdout).model_name).toMatch(/^tiny\+plan-[0-9a-f]{12}$/);
    }));

  it('suggests the task that was meant', async () => {
    const { code, stderr } = await moepress(['eval', 'tiny', '--tasks', 'tiny_fact']);
    expect(code).toBe(2);
    expect(stderr).toContain('tiny_facts');
  });
});

describe('moepress trace', () => {
  it('writes the tensors of the references with their shapes', () =>
    inTemporaryFolder(async (folder) => {
      const model = fileURLToPath(new URL('../../../checkpoint/fixtures/qwen3_moe_sharded', import.meta.url));
      const [ids, out] = [join(folder, 'ids.json'), join(folder, 'out.safetensors')];
      writeFileSync(ids, '[5, 6, 7, 8]');
      const { code } = await moepress([
        'trace',
        model,
        '--ids',
        ids,
        '--out',
        out,
        '--residency',
        'streamed',
      ]);
      expect(code).toBe(0);
      const { tensors } = await readSafetensors(out);
      expect(
        Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, [dtype, ...shape]])),
      ).toEqual({
        logits: ['F32', 4, 512],
        hidden: ['F32', 4, 4, 64],
        nll: ['F32', 3],
        router_logits: ['F32', 2, 4, 16],
        topk_idx: ['I32', 2, 4, 4],
        topk_weight: ['F32', 2, 4, 4],
      });
    }));

  it.each(['[]', '[1.5]', '{"a":1}', '[1,', 'no-such-file.json'])('refuses ids %s', (ids) =>
    inTemporaryFolder(async (folder) => {
      const { code, stderr } = await moepress(['trace', 'tiny', '--ids', ids, '--out', join(folder, 'x')]);
      expect(code).toBe(2);
      expect(stderr).toContain('hint');
    }),
  );
});

describe('moepress inspect', () => {
  it('describes the embedded model', async () => {
    const { stdout } = await moepress(['inspect', 'tiny', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      architecture: 'qwen2_moe',
      experts: { slotsPerLayer: 16, topK: 4 },
    });
    expect((await moepress(['inspect', 'tiny'])).stdout).toContain('routed experts');
  });

  it('says what to give when there is no such model', async () => {
    const { code, stderr } = await moepress(['inspect', './no-such-folder']);
    expect(code).toBe(1);
    expect(stderr).toContain('hint');
  });
});

describe('moepress demo', () => {
  it('compares methods at every ratio with the original', async () => {
    const methods = ['conmoe', 'reap', 'frequency', 'random'];
    const { code, stdout } = await moepress([
      'demo',
      ...['--limit', '2', '--methods', methods.join(), '--json'],
    ]);
    expect(code).toBe(0);
    const [original, ...rows]: DemoRow[] = JSON.parse(stdout);
    expect(original!.variant).toBeNull();
    expect(new Set(rows.map(({ variant }) => variant!.method))).toEqual(new Set(methods));
    expect(rows).toHaveLength(2 * (3 + 3));
    for (const { variant, removed, bytes } of rows) {
      if (variant!.ratio !== null) expect(removed.routed).toBeCloseTo(variant!.ratio, 3);
      expect(bytes).toBeLessThan(original!.bytes);
    }
    // Names and sizes do not depend on how many documents are asked.
    const sizes = [original!, ...rows].map((row) => cells(row).slice(0, 4).join(' ').replace(/ +/g, ' '));
    const [heading, , ...shown] = readmeTable();
    expect(heading!.split(/ {2,}/)).toEqual(columns.map(({ title }) => title));
    const names = (line: string) => line.split(/ {2,}/).slice(0, -4).join(' ');
    expect(shown.slice(0, -1).map(names)).toEqual(sizes.slice(0, shown.length - 1));
    for (const line of readmeTable()) expect([...line].length).toBeLessThanOrEqual(100);
  });

  it('suggests the method that was meant', async () => {
    const { code, stderr } = await moepress(['demo', '--methods', 'conmo']);
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean "conmoe"?');
  });
});

describe('moepress channels', () => {
  const small = ['--calibration', 'tiny:8'];

  it('tells where the mass lies, how two texts differ, and draws it', () =>
    inTemporaryFolder(async (folder) => {
      const svg = join(folder, 'deep', 'map.svg');
      const args = ['channels', 'tiny', ...small, '--against', 'tiny_gsm[train]:8', '--svg', svg];
      const { code, stdout } = await moepress([...args, '--json']);
      expect(code).toBe(0);
      const result = JSON.parse(stdout);
      expect(result).toMatchObject({ score: 'fisher-squared', calibration: { sequences: 8 }, svg });
      const shares: number[] = result.layers.map(({ share }: { share: number }) => share);
      expect(shares).toHaveLength(4);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      for (const { removed, model, expert } of result.overlaps) {
        for (const overlap of [model, expert]) {
          // More than chance, since both are of one model; less than all, since they differ.
          expect(overlap).toBeGreaterThan(1 - removed);
          expect(overlap).toBeLessThan(1);
        }
      }
      expect(readFileSync(svg, 'utf8').match(/<rect /g)).toHaveLength(2 * 64);
      expect((await moepress(args)).stdout).toContain('tiny_gsm[train]:8 keeps as well');
    }));

  it('looks at experts of different widths', () =>
    inTemporaryFolder(async (folder) => {
      const method = ['--method', 'fisher-moe', '--ratio', '0.8', '--option', 'budget=model'];
      const plan = join(folder, 'plan.json');
      await moepress(['compress', 'tiny', ...method, ...small, '--plan-only', '--out', plan]);
      const { code, stdout } = await moepress(['channels', 'tiny', '--plan', plan, ...small, '--json']);
      expect(code).toBe(0);
      const { layers } = JSON.parse(stdout);
      expect(layers.flatMap(({ experts }: { experts: number[] }) => experts)).toContain(0);
    }));

  it('refuses a score it does not know', async () => {
    const { code, stderr } = await moepress(['channels', 'tiny', '--score', 'magnitude']);
    expect(code).toBe(2);
    expect(stderr).toContain('grad-abs');
  });
});
