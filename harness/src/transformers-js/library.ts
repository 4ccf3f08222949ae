import { MoepressError } from '@moepress/core';

export type Library = typeof import('@huggingface/transformers');

/** The optional package, as its half gigabyte is needed here alone. Throws `INPUT_INVALID` if it is not installed. */
export async function loadLibrary(): Promise<Library> {
  try {
    const library = await import('@huggingface/transformers');
    const { env, LogLevel } = library;
    // Standard output and error are the caller's.
    env.logLevel = LogLevel.ERROR;
    const endpoint = process.env.HF_ENDPOINT;
    if (endpoint) env.remoteHost = endpoint.replace(/\/*$/, '/');
    return library;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MoepressError('INPUT_INVALID', {
      message:
        'The backend transformers-js needs a package that is not installed: @huggingface/transformers.',
      where: 'transformers-js',
      hint: 'npm install @huggingface/transformers (with -g if moepress is installed so).',
      cause,
    });
  }
}
