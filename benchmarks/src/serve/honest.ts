/** A question that an honest client asks, and how its answer is read. */
export interface Question {
  readonly path: string;
  readonly body: object;
}

/** Where creatures live that the embedded model has read of; any text would do. */
const names = ['mardo', 'pilla', 'zonto', 'fen', 'gralp', 'tiver', 'bosk', 'lume', 'quill', 'dray'];

/** Questions of every kind: text, chat, in pieces, drawn, scored. */
export const questions: readonly Question[] = names.flatMap((name) => {
  const question = `Where does a ${name} live?`;
  const prompt = `Question: ${question}\nAnswer:`;
  const messages = [{ role: 'user', content: question }];
  const completions = '/v1/completions';
  return [
    { path: completions, body: { prompt, max_tokens: 24, temperature: 0 } },
    {
      path: completions,
      body: { prompt, max_tokens: 24, temperature: 1, top_p: 0.9, seed: 7, stop: ['\n'] },
    },
    { path: completions, body: { prompt, max_tokens: 1, echo: true, logprobs: 1 } },
    { path: '/v1/chat/completions', body: { messages, max_tokens: 16, stream: true } },
  ];
});

/** What a client is told, without what differs each time: what was chosen, and log-probabilities. */
export interface Told {
  readonly text: string;
  readonly numbers: readonly number[];
}

/** Throws for anything else than an answer. */
export async function ask(origin: string, { path, body }: Question): Promise<Told> {
  const response = await fetch(origin + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  if (!isStream) return toldBy(JSON.parse(text).choices);
  const events = text.split('\n\n').map((event) => event.replace(/^data: /, ''));
  if (events.at(-2) !== '[DONE]') throw new Error(`The stream ended with ${events.at(-2)}.`);
  const chunks = events.slice(0, -2).map((event) => JSON.parse(event));
  return toldBy(chunks.map(({ choices }) => choices[0].delta.content ?? '').join(''));
}

function toldBy(choices: unknown): Told {
  const numbers: number[] = [];
  const text = JSON.stringify(choices, (_, value) => {
    if (typeof value !== 'number') return value;
    numbers.push(value);
    return '#';
  });
  return { text, numbers };
}

/** Batches of other sizes round otherwise in 32 bits. */
const tolerance = 1e-3;

export function isSame(a: Told, b: Told): boolean {
  const close = (number: number, i: number) => Math.abs(number - b.numbers[i]!) < tolerance;
  return a.text === b.text && a.numbers.every(close);
}
