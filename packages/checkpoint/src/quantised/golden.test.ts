import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type BlockScaledExpr, storedIn, tensorsByPath } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { openModel } from '../model/open.js';
import { fixture } from '../support.test.util.js';
import { bytesOf } from '../tensor/read-tensor.js';

const golden: Record<string, { weights: Record<string, string> }> = JSON.parse(
  readFileSync(fixture('quantised/golden.json'), 'utf8'),
);

describe.each(Object.keys(golden))('%s', (name) => {
  it('means what the code that made it reads of it, to the bit', async () => {
    const warnings: string[] = [];
    const progress = (event: { type: string; message?: string }) => {
      if (event.type === 'warning') warnings.push(event.message!);
    };
    const model = await openModel(fixture(`quantised/${name}`), { progress });
    const found: Record<string, string> = {};
    for (const expr of tensorsByPath(model).values()) {
      const matrix = (expr.kind === 'transpose' ? expr.of : expr) as BlockScaledExpr;
      if (matrix.kind !== 'block-scaled') continue;
      const sum = createHash('sha256');
      for await (const block of bytesOf(expr, 1000)) sum.update(block);
      found[matrix.name] = sum.digest('hex');
    }
    expect(found).toEqual(golden[name]!.weights);
    expect(warnings).toEqual([]);
    const files = new Set([...tensorsByPath(model).values()].flatMap((expr) => [...storedIn(expr)]));
    expect(files.size).toBeGreaterThan(Object.keys(found).length);
  });
});
