import { stat } from 'node:fs/promises';
import { createFolder, decodeFloat32, FileOutput, FolderOutput, folderBytes } from '@moepress/checkpoint';
import { type Exporter, type Found, MoepressError, measure } from '@moepress/core';
import type { ExportTarget } from './export-target.js';

/** A format of a plugin. What loads it is not known here. */
export function pluginTarget({ found: exporter, origin }: Found<Exporter>): ExportTarget {
  const blamed = blaming(exporter, `${origin.package} ${origin.version}`);
  return {
    name: exporter.name,
    output: exporter.output,
    types: ['stored'],
    outlook: async ({ view }) => {
      await blamed(async () => exporter.check?.(view));
      const notes = [`The format is one of the plugin ${origin.package}: what loads it, its author knows.`];
      return { engines: [], bytes: measure(view).total.bytes, notes };
    },
    async write({ view, plan = null }, out, { force, progress, signal }) {
      const writing = (path: string) =>
        blamed(() => exporter.write({ model: view, plan, path, read: decodeFloat32, progress, signal }));
      const options = { force, progress, isOwn: async () => false };
      if (exporter.output === 'folder') {
        const output = await FolderOutput.claim(out, options);
        return createFolder(output, async (folder) => {
          await writing(folder);
          return { bytes: await folderBytes(folder) };
        });
      }
      const output = await FileOutput.claim(out, options);
      try {
        await writing(output.path);
        const bytes = await writtenBytes(output.path, `${origin.package} ${origin.version}`);
        await output.commit();
        return { bytes };
      } finally {
        await output.abandon();
      }
    },
  };
}

async function writtenBytes(path: string, where: string): Promise<number> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return info.size;
  throw new MoepressError('PLUGIN_INVALID', {
    message: 'The exporter ended without writing the file at `path`.',
    where,
    hint: 'Report this to the author of the plugin.',
  });
}

/** Calls what a plugin does; an error of its own is `PLUGIN_INVALID`, which names it. */
const blaming =
  ({ name }: Exporter, where: string) =>
  async (use: () => Promise<void>): Promise<void> => {
    try {
      await use();
    } catch (cause) {
      const isAbort = cause instanceof Error && cause.name === 'AbortError';
      if (isAbort || MoepressError.isInstance(cause)) throw cause;
      throw new MoepressError('PLUGIN_INVALID', {
        message: `Exporter "${name}" failed: ${cause instanceof Error ? cause.message : String(cause)}`,
        where,
        hint: 'Report this to the author of the plugin.',
        cause,
      });
    }
  };
