import { sha256 } from '../results/hash.js';
import type { ModelRequest } from './request.js';

/** What a request asks, apart from the task it is part of: tasks that ask the same share the answer. */
export function requestKey(request: ModelRequest): string {
  return sha256(JSON.stringify(request));
}
