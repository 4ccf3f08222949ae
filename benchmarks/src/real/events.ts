import { z } from 'zod';

const event = z.union([
  z.object({ type: z.literal('start'), task: z.string() }),
  z.object({ type: z.literal('end'), task: z.string() }),
  z.object({ type: z.literal('memory'), predicted: z.number() }),
  z.object({ type: z.literal('error'), code: z.string(), message: z.string() }),
]);

/** Codes of errors with which a command refuses what would not fit into memory. */
const refusals = /MEMORY/;

const lastWords = 2000;

/** Reads what a command says with `--json` on standard error: an event a line; other programs say anything. */
export class Events {
  /** Seconds of each task from its start to its end; of one that comes again, of all together. */
  readonly tasks: Record<string, number> = {};
  readonly #running = new Map<string, number>();
  #rest = '';
  #said = '';
  #error: { readonly code: string; readonly message: string } | null = null;
  #predicted: number | null = null;

  /** The largest amount of anonymous memory that it said a part of its work would take, in bytes. */
  get predicted(): number | null {
    return this.#predicted;
  }

  get refused(): boolean {
    return this.#error !== null && refusals.test(this.#error.code);
  }

  get complaint(): string {
    return this.#error ? `${this.#error.code}: ${this.#error.message}` : this.#said.trim();
  }

  complain(text: string): void {
    this.#said = text;
  }

  take(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const read = event.safeParse(parsed(line));
    if (!read.success) {
      if (!line.startsWith('{"type":"')) this.#said = `${this.#said}\n${line}`.slice(-lastWords);
      return;
    }
    const { data } = read;
    if (data.type === 'start') this.#running.set(data.task, performance.now());
    else if (data.type === 'end') this.#end(data.task);
    else if (data.type === 'memory') this.#predicted = Math.max(this.#predicted ?? 0, data.predicted);
    else this.#error = data;
  }

  #end(task: string): void {
    const began = this.#running.get(task);
    if (began === undefined) return;
    this.tasks[task] = (this.tasks[task] ?? 0) + (performance.now() - began) / 1000;
    this.#running.delete(task);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
