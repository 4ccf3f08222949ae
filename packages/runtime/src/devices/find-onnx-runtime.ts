import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MoepressError } from '@moepress/core/errors';

/** The version of ONNX Runtime whose behaviour this package relies on, up to its patches. */
export const supported = '1.30';

/** Systems, as `process.platform` and `process.arch`, with a package of ONNX Runtime that npm installs with this one. */
export const packaged = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'] as const;

export interface Search {
  readonly system?: string;
  /** The file that a module or a file of a package is found at; throws where it is not installed. */
  readonly resolve?: (specifier: string) => string;
}

/**
 * The module of ONNX Runtime: onnxruntime-node, where the user has installed it (as CUDA needs), else the package of the
 * system, which is the same without a script that downloads. Throws `ONNX_RUNTIME_MISSING`, with the line that installs it.
 */
export function findOnnxRuntime({
  system = `${process.platform}-${process.arch}`,
  resolve = createRequire(import.meta.url).resolve,
}: Search = {}): string {
  const own = `@moepress/onnxruntime-${system}`;
  const found = ['onnxruntime-node', own].flatMap((name) => versionsOf(name, resolve));
  const fitting = found.find(({ version }) => version.startsWith(`${supported}.`));
  if (fitting) return fitting.main;
  const others = found.map(({ name, version }) => `${name} ${version}`).join(' and ');
  throw new MoepressError('ONNX_RUNTIME_MISSING', {
    message: `ONNX Runtime ${supported} is not installed for ${system}${others && `, only ${others}`}.`,
    where: 'onnxruntime',
    hint: isPackaged(system)
      ? `Install it where moepress is installed: npm install ${own}@~${supported}.0`
      : `ONNX Runtime is published for ${packaged.join(', ')}: use one of these systems.`,
  });
}

const isPackaged = (system: string): boolean => (packaged as readonly string[]).includes(system);

/** A package that is installed with its main module; empty if it is not, as in the repository of moepress itself. */
function versionsOf(
  name: string,
  resolve: (specifier: string) => string,
): { readonly name: string; readonly version: string; readonly main: string }[] {
  try {
    const manifest = resolve(`${name}/package.json`);
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    return [{ name, version, main: resolve(name) }];
  } catch {
    return [];
  }
}

/** The script of onnxruntime-node that downloads CUDA's libraries; null where only the package of the system is there. */
export function cudaInstaller(resolve = createRequire(import.meta.url).resolve): string | null {
  const [found] = versionsOf('onnxruntime-node', resolve);
  return found ? join(dirname(found.main), '..', 'script', 'install.js') : null;
}
