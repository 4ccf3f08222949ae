import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeFloat32 } from '@moepress/checkpoint';
import {
  type GgmlBlockType,
  type GgmlExpr,
  ggml,
  ggmlBlocks,
  rowParts,
  rows,
  transpose,
} from '@moepress/core';
import { GraphBuilder, weight, weightRows } from '@moepress/graph';
import { expect, it } from 'vitest';
import { int32 } from '../engine/protocol.js';
import { EngineWorker } from '../engine/worker.js';
import { runGraph } from '../testing/run-graph.js';
import { inTemporaryFolder } from '../testing/temporary.js';

/** Random blocks of every type, six each, which tests of the checkpoint package compare with the Python package gguf. */
const samples: Readonly<Record<string, { readonly blocks: string }>> = JSON.parse(
  readFileSync(
    fileURLToPath(new URL('../../../checkpoint/fixtures/gguf/blocks.json', import.meta.url)),
    'utf8',
  ),
);

/** Matrices [3, 2 blocks], one after the other in a file. */
function matricesIn(folder: string): GgmlExpr[] {
  const file = join(folder, 'blocks');
  let offset = 0;
  const bytes = Object.values(samples).map(({ blocks }) => Buffer.from(blocks, 'base64'));
  writeFileSync(file, Buffer.concat(bytes));
  return Object.keys(samples).map((name, i) => {
    const type = name as GgmlBlockType;
    const { length } = bytes[i]!;
    const shape = [3, 2 * ggmlBlocks[type].bytes];
    const of = { kind: 'stored', name, file, offset, length, dtype: 'U8', shape } as const;
    offset += length;
    return ggml(type, of);
  });
}

it('are the same numbers for engine and files, whole, by rows, turned, and in parts', async () => {
  const worker = new EngineWorker(1);
  try {
    await inTemporaryFolder(async (folder) => {
      const matrices = matricesIn(folder);
      const graph = new GraphBuilder('blocks');
      const ids = graph.input('ids', 'int32', ['T']);
      for (const matrix of matrices) {
        graph.output(matrix.type, weight(graph, matrix));
        graph.output(`${matrix.type} looked up`, weightRows(graph, matrix, ids));
      }
      const results = await runGraph(worker, graph.finish(), {
        ids: int32([2, 0, 2, 1]),
      });
      for (const matrix of matrices) {
        const { type } = matrix;
        const expected = await decodeFloat32(matrix);
        expect(results[type]!.data, type).toEqual(expected);
        const found = await decodeFloat32(rows(matrix, [2, 0, 2, 1]));
        expect(results[`${type} looked up`]!.data, type).toEqual(found);
      }
      const views = matrices.flatMap((matrix) => [transpose(rows(matrix, [1])), rowParts(matrix, 2)[1]!]);
      const turned = new GraphBuilder('views');
      views.forEach((view, i) => {
        turned.output(`${i}`, weight(turned, view));
      });
      const seen = await runGraph(worker, turned.finish(), {});
      for (const [i, view] of views.entries()) expect(seen[`${i}`]!.data).toEqual(await decodeFloat32(view));
    });
  } finally {
    await worker.dispose();
  }
});
