import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Bodies } from '../../serve/http/body.js';
import { parseChat } from '../../serve/protocol/chat.js';
import { parseCompletion } from '../../serve/protocol/completion.js';
import { mutateBytes } from '../bytes.test.util.js';
import { mutateJson, render } from '../json.test.util.js';
import type { Target } from '../target.test.util.js';

const decoding = {
  model: 'tiny',
  temperature: 0.7,
  top_p: 0.9,
  seed: 1,
  n: 1,
  stream: false,
  stop: ['Q:', '\n'],
  max_tokens: 8,
};

const completion = { ...decoding, prompt: ['abc', 'def'], echo: true, logprobs: 1 };
const chat = {
  ...decoding,
  messages: [
    { role: 'system', content: 'Be short.' },
    { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
  ],
  logprobs: true,
  top_logprobs: 1,
  chat_template_kwargs: { enable_thinking: false },
};

/** Headers are always texts, as Node reads them. */
const types = [
  '',
  'application/json; charset=latin1',
  `${'a/b;'.repeat(10_000)}charset="`,
  'application/json;;',
  'text/html',
];

/** What clients send to `moepress serve`, up to where a model is asked. */
export const bodies: Target = {
  name: 'bodies',
  async prepare() {
    const reader = new Bodies(4 * 2 ** 20, { text: 2 ** 16, list: 64 });
    return async (random) => {
      const isChat = random.chance(0.5);
      const sound = isChat
        ? chat
        : { ...completion, prompt: random.pick([['abc'], 'abc', [1, 2], [[1, 2]]]) };
      const text = Buffer.from(render(mutateJson(sound, random), random));
      const sent = random.chance(0.1) ? mutateBytes(text, random) : text;
      const blocks = Readable.from([sent]);
      const type = random.chance(0.1) ? random.pick(types) : 'application/json';
      const request = Object.assign(blocks, { headers: { 'content-type': type } });
      const body = await reader.readJson(request as unknown as IncomingMessage, () => {});
      return isChat ? parseChat(body) : parseCompletion(body);
    };
  },
};
