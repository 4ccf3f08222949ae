import { writeFile } from 'node:fs/promises';
import { definePlugin, type Exporter, moeBlocks } from '@moepress/core';

/** Writes the routers of a model as JSON: a matrix for each layer with experts, [experts, hidden size]. */
export const exampleName: Exporter = {
  specVersion: 1,
  name: 'example-name',
  title: 'Example name: routers as JSON',
  reference: 'none: an example',
  output: 'file',
  async write({ model, path, read, signal }) {
    const routers = [];
    for (const { index, ffn } of moeBlocks(model)) {
      signal?.throwIfAborted();
      const { weight } = ffn.router;
      routers.push({ layer: index, shape: weight.shape, values: [...(await read(weight))] });
    }
    await writeFile(path, JSON.stringify(routers));
  },
};

export default definePlugin({ name: 'example-name', exporters: [exampleName] });
