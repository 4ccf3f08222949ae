import type { ChildProcess } from 'node:child_process';

/** Clients that ask at once, each as many times as `requests`, one after the other. */
export interface Load {
  readonly clients: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

/** A token that every vocabulary has, and how many such there are to walk through. */
const firstToken = 100;
const tokens = 300;

/**
 * Asks a server that has just been started as `load` says, half of the clients for new text and half for the
 * log-probabilities of theirs, then stops it as Ctrl-C would. Tells how fast it was. Throws if it answers wrongly.
 */
export async function load(child: ChildProcess, wanted: Load): Promise<string> {
  const { baseUrl } = await announced(child);
  const began = performance.now();
  const taken = await Promise.all(
    Array.from({ length: wanted.clients }, (_, client) => ask(`${baseUrl}/completions`, client, wanted)),
  );
  const seconds = (performance.now() - began) / 1000;
  child.kill('SIGINT');
  const sorted = taken.flat().sort((a, b) => a - b);
  const [middle, last] = [sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!];
  const rate = sorted.length / seconds;
  return `${sorted.length} requests of ${wanted.promptTokens} tokens, ${rate.toFixed(2)}/s, median ${middle.toFixed(1)} s, longest ${last.toFixed(1)} s`;
}

/** What it prints when it listens. Rejects if it ends before. */
function announced(child: ChildProcess): Promise<{ baseUrl: string }> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout!.on('data', (chunk) => {
      said += chunk;
      if (said.includes('\n')) resolve(JSON.parse(said.slice(0, said.indexOf('\n'))));
    });
    child.once('exit', () => reject(new Error('The server ended before it listened.')));
  });
}

/** Seconds of each request of one client. */
async function ask(url: string, client: number, load: Load): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < load.requests; i++) {
    const began = performance.now();
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(client, i, load)),
    });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}: ${await answer.text()}`);
    const { choices } = (await answer.json()) as { choices: readonly unknown[] };
    if (choices.length !== 1) throw new Error(`The server gave ${choices.length} answers to one prompt.`);
    taken.push((performance.now() - began) / 1000);
  }
  return taken;
}

function bodyOf(client: number, request: number, { promptTokens, newTokens }: Load): object {
  const prompt = Array.from(
    { length: promptTokens },
    (_, t) => firstToken + ((client * 7919 + request * 104_729 + t * t) % tokens),
  );
  return client % 2 === 0
    ? { prompt, max_tokens: newTokens, temperature: 0 }
    : { prompt, max_tokens: 0, echo: true, logprobs: 1, temperature: 0 };
}
