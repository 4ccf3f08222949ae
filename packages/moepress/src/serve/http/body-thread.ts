/** The thread in which long bodies are read, so that nobody waits for them. */
import { answerConfined } from '@moepress/checkpoint/confined';
import { RequestError } from '../request-error.js';
import { parseBody, type Sizes } from './parse-request.js';

export interface BodyTask {
  readonly bytes: Uint8Array;
  readonly sizes: Sizes;
}

/** What a body holds, or what is wrong with it. */
export type BodyReply = { readonly value: unknown } | { readonly status: number; readonly message: string };

answerConfined(() => ({
  parse({ bytes, sizes }: BodyTask): BodyReply {
    try {
      return { value: parseBody(bytes, sizes) };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return { status: error.status, message: error.message };
    }
  },
}));
