import { randomUUID } from 'node:crypto';
import { answerChat } from './answers/answer-chat.js';
import { answerCompletion } from './answers/completions.js';
import type { ServedModel, Usage } from './answers/served-model.js';
import type { EventStream } from './http/respond.js';
import { parseChat } from './protocol/chat.js';
import { parseCompletion } from './protocol/completion.js';
import type { DecodingRequest } from './protocol/decoding.js';
import { RequestError } from './request-error.js';

/** Answers a body, whole or through the stream, and tells what it took. Null: it went through the stream. */
export type Answer = (
  body: unknown,
  stream: EventStream,
  signal: AbortSignal,
) => Promise<{ readonly body: object | null; readonly usage: Usage }>;

/** What each answer to a request says of itself. */
interface Envelope {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
}

/** OpenAI's API before one model; `aliases` are names that are understood and not told. */
export function openAiApi(model: ServedModel, aliases: readonly string[]): Readonly<Record<string, Answer>> {
  const checkModel = ({ model: name }: DecodingRequest) => {
    if (name === undefined || name === model.name || aliases.includes(name)) return;
    throw new RequestError(404, `There is no model "${cut(name)}" here, only "${model.name}".`, 'model');
  };
  const envelope = (prefix: string, object: string): Envelope => ({
    id: `${prefix}-${randomUUID()}`,
    object,
    created: seconds(),
    model: model.name,
  });
  return {
    async '/v1/completions'(body, stream, signal) {
      const request = parseCompletion(body);
      checkModel(request);
      const about = envelope('cmpl', 'text_completion');
      const chunks = request.stream && chunkSender(stream, about, request.stream);
      const answer = await answerCompletion(model, request, signal, chunks?.send);
      chunks?.end(answer.usage);
      return { body: chunks ? null : { ...about, ...answer }, usage: answer.usage };
    },
    async '/v1/chat/completions'(body, stream, signal) {
      const request = parseChat(body);
      checkModel(request);
      const about = envelope('chatcmpl', `chat.completion${request.stream ? '.chunk' : ''}`);
      const chunks = request.stream && chunkSender(stream, about, request.stream);
      const answer = await answerChat(model, request, signal, chunks?.send);
      chunks?.end(answer.usage);
      return { body: chunks ? null : { ...about, ...answer }, usage: answer.usage };
    },
  };
}

/** What clients may learn of a model, as `GET /v1/models` tells it. */
export function modelCard({ name, engine }: ServedModel) {
  return {
    id: name,
    object: 'model',
    created: seconds(),
    owned_by: 'moepress',
    max_model_len: engine.maxLength,
  };
}

/** Sends choices as they come, one a chunk, and what they took in a last one without any, where that is wanted. */
function chunkSender(
  stream: EventStream,
  envelope: Envelope,
  { includeUsage }: { readonly includeUsage: boolean },
) {
  const usage = (value: Usage | null) => (includeUsage ? { usage: value } : {});
  return {
    send: (choice: object) => stream.send({ ...envelope, choices: [choice], ...usage(null) }),
    end(used: Usage) {
      if (includeUsage) stream.send({ ...envelope, choices: [], ...usage(used) });
      stream.end();
    },
  };
}

const seconds = () => Math.floor(Date.now() / 1000);

const cut = (name: string) => (name.length > 100 ? `${name.slice(0, 100)}…` : name);
