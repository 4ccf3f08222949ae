import { z } from 'zod';
import { RequestError } from '../request-error.js';

/** Prompts, or messages, of one request. */
export const maxPrompts = 1024;

/** A parameter that may only have a value which changes nothing. Null stands for none, as everywhere. */
export const only = <Value extends string | number | boolean>(value: Value, why: string) =>
  z.literal(value, `only ${JSON.stringify(value)}: ${why}`).nullish();

/**
 * Reads a body by a schema without unknown names. Null is as good as nothing. Throws a `RequestError` of status 400 that
 * names the parameter; what is not known could change the answer, so it is refused and not passed over.
 */
export function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const { success, data, error } = schema.safeParse(withoutNulls(body));
  if (success) return data;
  const issue = error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    const name = cut([...issue.path, issue.keys[0]!].join('.'));
    throw new RequestError(400, `${name}: this server does not know it, and it may change the answer.`, name);
  }
  const param = cut(issue.path.join('.')) || null;
  throw new RequestError(400, `${param ?? 'The body'}: ${issue.message}.`, param);
}

/** Names come from the client. */
const cut = (name: string) => (name.length > 100 ? `${name.slice(0, 100)}…` : name);

function withoutNulls(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}
