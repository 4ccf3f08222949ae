import { createReadStream } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { asWriteError, makeFolders } from '@moepress/checkpoint';
import { MoepressError, parseJson, sha256 } from '@moepress/core';
import { z } from 'zod';
import type { ModelResponse } from '../model/language-model.js';
import { type ModelRequest, requestKey } from '../requests/request.js';

/** Increased when the answers of an older moepress must not be used any more. */
const format = 2;

/** The answers of a model from earlier runs, by the content of the request. */
export interface ResponseCache {
  /** The answer to a request, if it is stored. */
  get(request: ModelRequest): ModelResponse | undefined;
  /** Stores answers, which are on disk when the promise is fulfilled. Throws `DISK_FULL` or `WRITE_FAILED`. */
  add(answers: readonly (readonly [ModelRequest, ModelResponse])[]): Promise<void>;
}

/** Everything that changes a model's answers: its weights and plan, number format, BOS, context length. */
export type ModelIdentity = Readonly<Record<string, string | number | boolean | null>>;

const movement = z
  .array(z.tuple([z.number().nonnegative(), z.union([z.literal(0), z.literal(1)])]))
  .optional();

const answerSchemas = {
  loglikelihood: z.strictObject({ logprob: z.number(), isGreedy: z.boolean(), movement }),
  loglikelihood_rolling: z.strictObject({ logprob: z.number(), tokens: z.int().nonnegative(), movement }),
  generate_until: z.string(),
} satisfies Record<ModelRequest['kind'], z.ZodType<ModelResponse>>;

const lineSchema = z.object({ key: z.string(), answer: z.unknown() });

/**
 * The answers of one model in `<folder>/<hash of its identity>.jsonl`, one a line, after a first line with
 * the identity. Lines are only ever added, so that a killed run loses nothing that was finished, and several
 * processes may write; a line that was torn is passed over. Throws `INPUT_INVALID` if the file is there
 * and cannot be read.
 */
export async function openResponseCache(folder: string, identity: ModelIdentity): Promise<ResponseCache> {
  const file = path.join(folder, `${sha256(JSON.stringify([format, sorted(identity)])).slice(0, 32)}.jsonl`);
  const known = await readAnswers(file);
  // Ends a line that was not completed; readers skip blank lines.
  let lead = known === null ? `${JSON.stringify({ identity: sorted(identity) })}\n` : '\n';
  const answers = known ?? new Map<string, unknown>();

  return {
    get(request) {
      const { success, data } = answerSchemas[request.kind].safeParse(answers.get(requestKey(request)));
      return success ? data : undefined;
    },
    async add(given) {
      const lines = given.map(([request, answer]) => ({ key: requestKey(request), answer }));
      await append(file, lead + lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      lead = '';
      for (const { key, answer } of lines) answers.set(key, answer);
    },
  };
}

/** Answers by key, the last of several; null if there is no file yet. */
async function readAnswers(file: string): Promise<Map<string, unknown> | null> {
  const answers = new Map<string, unknown>();
  try {
    for await (const text of createInterface({ input: createReadStream(file) })) {
      const line = parseLine(text);
      if (line) answers.set(line.key, line.answer);
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new MoepressError('INPUT_INVALID', {
      message: `Stored answers cannot be read: ${(cause as Error).message}.`,
      where: file,
      hint: 'Check the permissions, or remove the file to compute the answers again.',
      cause,
    });
  }
  return answers;
}

function parseLine(text: string): z.output<typeof lineSchema> | null {
  try {
    return lineSchema.parse(parseJson(text));
  } catch {
    return null;
  }
}

async function append(file: string, text: string): Promise<void> {
  try {
    await makeFolders(path.dirname(file));
    await appendFile(file, text);
  } catch (cause) {
    throw asWriteError(cause, file);
  }
}

function sorted(identity: ModelIdentity): ModelIdentity {
  return Object.fromEntries(Object.entries(identity).sort(([a], [b]) => (a < b ? -1 : 1)));
}
