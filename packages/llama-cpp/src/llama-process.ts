import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cut, MoepressError } from '@moepress/core';
import type { EngineFacts, Failure, OpenOrder, Order, Reply } from './messages.js';

const script = fileURLToPath(new URL('./child.js', import.meta.url));

/** Characters of what the process complained of that an error tells. */
const longestComplaint = 600;

/** A process that runs llama.cpp, which is asked for one thing at a time. Its end ends what is being asked. */
export class LlamaProcess {
  readonly #child: ChildProcess;
  readonly #file: string;
  #complaints = '';
  #hear: ((reply: Reply) => void) | null = null;
  #giveUp: ((error: MoepressError) => void) | null = null;
  #ended: MoepressError | null = null;

  private constructor(file: string) {
    this.#file = file;
    this.#child = fork(script, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-longestComplaint);
    });
    this.#child.on('message', (reply: Reply) => this.#hear?.(reply));
    this.#child.on('error', (cause) =>
      this.#end(this.#failed(`could not be started: ${cause.message}`, cause)),
    );
    this.#child.on('close', (code, signal) => {
      const how = signal ? `was ended by ${signal}` : `ended by itself with code ${code}`;
      this.#end(this.#failed(`${how} in the middle of its work`));
    });
  }

  /** Starts a process and opens the file. Throws `LLAMA_CPP_MISSING` and `LLAMA_CPP_FAILED`. */
  static async open(order: OpenOrder): Promise<{ process: LlamaProcess; facts: EngineFacts }> {
    const process = new LlamaProcess(order.file);
    try {
      const facts = await process.ask<EngineFacts>({ open: order }, (reply, done) => {
        if (!('opened' in reply)) return;
        // What it said of binaries that it did without.
        process.#complaints = '';
        done(reply.opened);
      });
      return { process, facts };
    } catch (error) {
      process.kill();
      throw error;
    }
  }

  get hasEnded(): boolean {
    return this.#ended !== null;
  }

  /** Sends an order and shows every reply until one of them is the last. Throws like `open`. */
  ask<Result>(order: Order, hear: (reply: Reply, done: (result: Result) => void) => void): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      this.#giveUp = reject;
      this.#hear = (reply) => {
        if ('failed' in reply) reject(this.#refused(reply.failed));
        else hear(reply, resolve);
      };
      this.tell(order);
    });
  }

  tell(order: Order): void {
    // A process that is ending says so by itself.
    if (this.#child.connected) this.#child.send(order, () => {});
  }

  kill(): void {
    this.#giveUp = null;
    this.#child.kill('SIGKILL');
  }

  #end(error: MoepressError): void {
    this.#ended ??= error;
    this.#giveUp?.(this.#ended);
    this.#giveUp = null;
  }

  #failed(what: string, cause?: unknown): MoepressError {
    const complaint = this.#complaints.trim();
    return new MoepressError('LLAMA_CPP_FAILED', {
      message: `The process of llama.cpp ${what}.${complaint ? ` It said: ${complaint}` : ''}`,
      where: this.#file,
      cause,
    });
  }

  #refused({ why, message }: Failure): MoepressError {
    const text = cut(message.trim().replace(/\.$/, ''), longestComplaint);
    if (why === 'missing') return new MoepressError('LLAMA_CPP_MISSING', { message: `${text}.` });
    const complaint = this.#complaints.trim();
    return new MoepressError('LLAMA_CPP_FAILED', {
      message: `llama.cpp does not take this: ${text}.${complaint ? ` It said: ${complaint}` : ''}`,
      where: this.#file,
    });
  }
}
