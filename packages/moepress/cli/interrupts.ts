/** A step of the engine cannot be broken off, and with a large model it takes a while. */
const millisecondsBeforeWarning = 1000;

export interface Interrupts {
  /** Fires at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** The signal that fired. */
  readonly name: NodeJS.Signals | null;
  /** Gives the signals back to Node. */
  stop(): void;
}

/**
 * Ctrl-C stops tidily. If that takes long, `warn` is told that a second one stops at once: by the
 * signal itself, since leaving the usual way would wait for the engine.
 */
export function listenForInterrupts(warn: (message: string) => void): Interrupts {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM'] as const;
  let timer: NodeJS.Timeout | undefined;
  let first: NodeJS.Signals | null = null;
  const stop = () => {
    clearTimeout(timer);
    for (const name of names) process.off(name, interrupt);
  };
  const interrupt = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      stop();
      process.kill(process.pid, name);
      return;
    }
    timer = setTimeout(
      warn,
      millisecondsBeforeWarning,
      'Stopping after the step that is running; Ctrl-C again stops at once.',
    );
    first = name;
    controller.abort();
  };
  for (const name of names) process.on(name, interrupt);
  return {
    signal: controller.signal,
    get name() {
      return first;
    },
    stop,
  };
}
