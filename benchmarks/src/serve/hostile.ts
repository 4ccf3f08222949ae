import { once, setMaxListeners } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { lowerPriority } from '@moepress/checkpoint/confined';

/** What somebody does to a server until the signal fires; yields what each try came to. */
type Attack = (port: number, signal: AbortSignal) => Promise<string>;

const megabyte = 2 ** 20;

function post(path: string, body: string, length = Buffer.byteLength(body)): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${body}`,
  );
}

const completion = (prompt: unknown, more: object = {}) => JSON.stringify({ prompt, max_tokens: 1, ...more });

const messages = [{ role: 'user', content: 'Where does a mardo live?' }];

/** Written once: making them would take the processor that the server needs. */
const payloads = {
  'prompt of 10 MB': post('/v1/completions', completion('a b '.repeat(2.5 * megabyte))),
  'prompt of 3 MB': post('/v1/completions', completion('a b '.repeat(0.75 * megabyte))),
  'one letter 60,000 times': post('/v1/completions', completion('a'.repeat(60_000))),
  'a million ids': post('/v1/completions', completion(Array.from({ length: megabyte }, () => 7))),
  'nested 500,000 deep': post('/v1/completions', `{"prompt":${'['.repeat(500_000)}`),
  'long stops': post(
    '/v1/completions',
    completion('x', { stop: Array.from({ length: 60 }, (_, i) => `${i}`.repeat(500)) }),
  ),
  'slow template': post(
    '/v1/chat/completions',
    JSON.stringify({ messages, max_tokens: 1, chat_template_kwargs: { turns: 99_999 } }),
  ),
  'not JSON': post('/v1/completions', '{"prompt":'.repeat(1000)),
} as const;

/** Sends something and reads the status. */
const sends =
  (bytes: Buffer): Attack =>
  async (port, signal) => {
    const socket = open(port, signal);
    socket.write(bytes);
    let text = '';
    socket.on('data', (data) => {
      text += String(data).slice(0, 100);
    });
    await closed(socket);
    return text.split(' ')[1] ?? 'closed';
  };

/** Sends half of something, and waits. */
const stalls: Attack = async (port, signal) => {
  const socket = open(port, signal);
  socket.write(post('/v1/completions', '{"prompt":', 4 * megabyte - 1));
  await closed(socket);
  return signal.aborted ? 'held' : 'closed';
};

/** Asks for a stream of an answer that does not end, and does not read it. */
const deaf: Attack = async (port, signal) => {
  const socket = open(port, signal);
  socket.write(post('/v1/completions', completion('x', { max_tokens: 20, stream: true })));
  socket.pause();
  await setTimeout(2000);
  socket.destroy();
  return 'left';
};

/** Also of one that the server has cut off. */
const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

function open(port: number, signal: AbortSignal): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const leave = () => socket.destroy();
  signal.addEventListener('abort', leave, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', leave));
  return socket;
}

const attacks: readonly (readonly [string, Attack])[] = [
  ...Object.entries(payloads).map(([name, bytes]) => [name, sends(bytes)] as const),
  ['upload that stalls', stalls],
  ['stream that nobody reads', deaf],
];

/** Milliseconds from one try to the next. */
const pause = 100;

/**
 * So many hostile clients at once until the signal fires; how often each attack came to what. In a thread of their own:
 * those whose time is measured must not wait for them here.
 */
export async function attack(
  port: number,
  clients: number,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const data: Start = { port, clients };
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  signal.addEventListener('abort', () => worker.postMessage('enough'), { once: true });
  const [counts] = await once(worker, 'message');
  return counts as Map<string, number>;
}

interface Start {
  readonly port: number;
  readonly clients: number;
}

async function run({ port, clients }: Start): Promise<void> {
  const over = new AbortController();
  parentPort!.once('message', () => over.abort());
  const counts = new Map<string, number>();
  const attackers = Array.from({ length: clients }, async (_, client) => {
    const [name, once] = attacks[client % attacks.length]!;
    while (!over.signal.aborted) {
      const outcome = `${name}: ${await once(port, over.signal)}`;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      await setTimeout(pause);
    }
  });
  await Promise.all(attackers);
  parentPort!.postMessage(counts);
}

if (!isMainThread) {
  setMaxListeners(100);
  // They stand for machines of their own, which take no processor from the server.
  lowerPriority();
  await run(workerData as Start);
}
