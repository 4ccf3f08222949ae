/** `NODE_OPTIONS` of a process for which a package is not installed. */
export function without(name: string): string {
  const hooks = `export async function resolve(specifier, context, next) {
    if (specifier !== ${JSON.stringify(name)}) return next(specifier, context);
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  }`;
  const start = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hooks))});`;
  return `--import=${dataUrl(start)}`;
}

const dataUrl = (script: string) => `data:text/javascript;base64,${Buffer.from(script).toString('base64')}`;
