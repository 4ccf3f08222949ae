import { InferenceSession, Tensor } from 'onnxruntime-node';

/** Logits of some tokens, and what the next ones start from. */
interface Step {
  /** [B, S, vocabulary] */
  readonly logits: Float32Array;
  readonly caches: Readonly<Record<string, Tensor>>;
}

/** A plain loop over an exported graph, which knows no more of it than the names of its inputs and outputs. */
export class OnnxLoop {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  static async open(file: string): Promise<OnnxLoop> {
    return new OnnxLoop(await InferenceSession.create(file, { intraOpNumThreads: 1 }));
  }

  get inputs(): readonly string[] {
    return this.#session.inputNames;
  }

  /** Rows of `ids` and of `mask`, which is longer by the tokens in the caches. */
  async step(
    ids: readonly (readonly number[])[],
    mask: readonly (readonly number[])[],
    caches?: Step['caches'],
  ): Promise<Step> {
    const positions = mask.map((row) => {
      let count = -1;
      return row.map((one) => (one === 1 ? ++count : 1)).slice(-ids[0]!.length);
    });
    const outputs = await this.#session.run({
      input_ids: integers(ids),
      attention_mask: integers(mask),
      position_ids: integers(positions),
      ...(caches ?? this.#empty(ids.length)),
    });
    const { logits, ...present } = outputs;
    const renamed = Object.entries(present).map(([name, value]) => [
      name.replace('present.', 'past_key_values.').replace('present_', 'past_'),
      value,
    ]);
    return { logits: logits!.data as Float32Array, caches: Object.fromEntries(renamed) };
  }

  /** The most probable tokens after a prompt. */
  async greedy(prompt: readonly number[], count: number): Promise<number[]> {
    const found: number[] = [];
    let own = [...prompt];
    let caches: Step['caches'] | undefined;
    for (let length = prompt.length; found.length < count; length++) {
      const step = await this.step([own], [Array(length).fill(1)], caches);
      const vocabulary = step.logits.length / own.length;
      const last = step.logits.subarray(-vocabulary);
      own = [last.indexOf(last.reduce((most, x) => Math.max(most, x)))];
      found.push(own[0]!);
      caches = step.caches;
    }
    return found;
  }

  close(): Promise<void> {
    return this.#session.release();
  }

  #empty(batch: number): Record<string, Tensor> {
    const caches = this.#session.inputMetadata.filter(({ name }) => name.startsWith('past_'));
    const named = caches.map((input) => {
      if (!input.isTensor) throw new Error(`${input.name} is no tensor.`);
      const shape = input.shape.map((size) =>
        size === 'batch_size' ? batch : size === 'past_sequence_length' ? 0 : Number(size),
      );
      const size = shape.reduce((product, count) => product * count, 1);
      const data = input.type === 'float16' ? new Uint16Array(size) : new Float32Array(size);
      return [input.name, new Tensor(input.type as 'float32', data as Float32Array, shape)];
    });
    return Object.fromEntries(named);
  }
}

function integers(rows: readonly (readonly number[])[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);
}
