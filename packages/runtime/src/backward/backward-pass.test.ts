import { afterAll, beforeAll, describe, it } from 'vitest';
import { Engine } from '../engine/engine.js';
import { fixtures, fullReferences } from '../testing/golden.js';
import { expectGradients } from '../testing/parity.test.util.js';

const shared = process.env.MOEPRESS_SHARED;
let engine: Engine;
beforeAll(() => {
  engine = new Engine();
});
afterAll(() => engine.dispose());

describe.each([...fixtures, ...(shared ? fullReferences(shared) : [])])('$name backwards', ({ load }) => {
  it('has the gradients and Fisher scores of torch', async () => {
    const golden = await load();
    await expectGradients(engine, golden);
  });
});
