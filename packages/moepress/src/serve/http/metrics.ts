import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Usage } from '../answers/served-model.js';

/** Seconds. */
const durations = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** What the server has done, in the text format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'route' | 'method' | 'status'>;
  readonly #durations: Histogram<'route'>;
  readonly #tokens: Counter<'kind'>;

  /** `waiting` and `underWay` tell how many requests are. */
  constructor(waiting: () => number, underWay: () => number) {
    const registers = [this.#registry];
    // Memory and processor time of the process among them.
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'moepress_requests_total',
      help: 'Requests that were answered.',
      labelNames: ['route', 'method', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'moepress_request_duration_seconds',
      help: 'From the first byte of a request to the last of its answer.',
      labelNames: ['route'],
      buckets: durations,
      registers,
    });
    this.#tokens = new Counter({
      name: 'moepress_tokens_total',
      help: 'Tokens of prompts and of answers.',
      labelNames: ['kind'],
      registers,
    });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    gauge('moepress_requests_waiting', 'Requests that wait for the model.', waiting);
    gauge('moepress_requests_under_way', 'Requests that are being answered or wait.', underWay);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** `route`: one of the server's own, or `other`. */
  answered(route: string, method: string, status: number, seconds: number): void {
    this.#requests.inc({ route, method, status });
    this.#durations.observe({ route }, seconds);
  }

  used({ prompt_tokens, completion_tokens }: Usage): void {
    this.#tokens.inc({ kind: 'prompt' }, prompt_tokens);
    this.#tokens.inc({ kind: 'completion' }, completion_tokens);
  }
}
