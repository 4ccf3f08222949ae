import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { Watch } from '../real/watch.js';

/** What one side of the table is asked to do. */
export interface Question {
  readonly work: 'describe' | 'prefill' | 'decode' | 'forward' | 'calibrate' | 'backward';
  /** Token ids of sequences, all of one length. */
  readonly prompts?: readonly (readonly number[])[];
  /** New tokens of each sequence. */
  readonly tokens?: number;
  /** How a peer goes about it, of those that it has described. */
  readonly settings?: Settings | undefined;
}

/** A dtype, an implementation of experts, and so on. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a side answers, besides what it is asked about. */
interface Answer {
  readonly seconds?: number;
  readonly name?: string;
  readonly settings?: readonly Settings[];
  readonly error?: string;
}

/** What a side took for a question: seconds, and its highest anonymous memory meanwhile in bytes. */
export interface Took {
  readonly seconds: number;
  readonly anonymous: number;
}

/** How a side is started. */
export interface SideCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** A process that is asked one question at a time, a line each way, and stays open so that only its first answers are slow. */
export class Side {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #complaint = '';

  private constructor({ program, args, env }: SideCommand) {
    this.#child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#reader = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    this.#child.stderr!.on('data', (chunk) => {
      this.#complaint = `${this.#complaint}${chunk}`.slice(-2000);
    });
    // What is written to a process that has ended is told by the answer that does not come.
    this.#child.stdin!.on('error', () => {});
    process.once('exit', this.#kill);
  }

  /** Throws an error with what the program says if it does not start. */
  static async start(command: SideCommand): Promise<{ readonly side: Side; readonly about: Answer }> {
    const side = new Side(command);
    try {
      return { side, about: await side.#answer({ work: 'describe' }) };
    } catch (error) {
      await side.close();
      throw error;
    }
  }

  /** Throws an error if it cannot do what it is asked. */
  async ask(question: Question): Promise<Took> {
    const watch = new Watch(this.#child.pid!);
    try {
      const { seconds } = await this.#answer(question);
      return { seconds: seconds!, anonymous: watch.stop().anonymous };
    } finally {
      watch.stop();
    }
  }

  async close(): Promise<void> {
    this.#kill();
    process.off('exit', this.#kill);
    this.#reader.close();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
  }

  readonly #kill = () => {
    this.#child.kill('SIGKILL');
  };

  async #answer(question: Question): Promise<Answer> {
    if (this.#child.pid === undefined) throw (await once(this.#child, 'error'))[0];
    this.#child.stdin!.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`It has ended. ${this.#complaint}`);
    const answer = JSON.parse(value) as Answer;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }
}
