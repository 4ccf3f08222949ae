import nodePath, { type PlatformPath } from 'node:path';
import { type ExternalData, MoepressError } from '@moepress/core';
import type { GraphIR } from '../ir/graph-ir.js';

/** Where a graph says that external data are: from the root of the file system they lie on, with slashes. */
export function locationOf({ file }: ExternalData, path: PlatformPath = nodePath): string {
  return file.slice(path.parse(file).root.length).split(path.sep).join('/');
}

/**
 * The root that the locations of a graph's external data start from: `/`, on Windows that of a drive or a share, such as
 * `C:\`. A session has one, so it throws `INPUT_INVALID` where weights lie on several.
 */
export function externalRoot(graph: GraphIR, path: PlatformPath = nodePath): string {
  const files = [...externalFiles(graph)];
  const roots = [...new Set(files.map((file) => path.parse(file).root.toUpperCase()))];
  if (roots.length > 1) {
    throw new MoepressError('INPUT_INVALID', {
      message: `The weights of one model lie on several drives: ${roots.join(' and ')}.`,
      where: files.find((file) => path.parse(file).root.toUpperCase() !== roots[0])!,
      hint: 'Put the checkpoint, its plan and its adapters on one drive.',
    });
  }
  return files.length > 0 ? path.parse(files[0]!).root : path.sep;
}

/** Files of external data, also of the graphs that nodes such as Scan repeat. */
function* externalFiles({ initializers, nodes }: GraphIR): Generator<string> {
  for (const { data } of initializers) if ('file' in data) yield data.file;
  for (const { attributes } of nodes) {
    for (const value of Object.values(attributes)) {
      if (typeof value === 'object' && 'nodes' in value) yield* externalFiles(value);
    }
  }
}
