/** A part of a job, and what it takes. */
export interface EstimatedPhase {
  /** What is done, in the words of progress events. */
  readonly title: string;
  /** The tasks of progress events that belong to it; a name that ends in `*` stands for all that begin so. */
  readonly tasks: readonly string[];
  /** Null where nothing is known of it. */
  readonly seconds: number | null;
}

/** What a job takes, before it is done. */
export interface Estimate {
  /** In the order in which they are done. */
  readonly phases: readonly EstimatedPhase[];
  /** Seconds of all phases that something is known of. */
  readonly seconds: number;
  /** Most bytes of anonymous memory that the process takes. */
  readonly memory: number;
  /** Bytes that are written to the output; 0 where none is. */
  readonly written: number;
  /** What the figures do not say, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Seconds until a command begins its work: Node.js starts, loads moepress and ONNX Runtime, and reads the headers of a model.
 * On two cores `moepress --version` takes 0.2 s of processor time and commands that compute take about a second.
 */
const startSeconds = 1;

/** Without tasks: when progress is reported, this has been done. */
const starting: EstimatedPhase = { title: 'Starting', tasks: [], seconds: startSeconds };

/** An estimate of phases and of the start before them, with the sum of their seconds. */
export function estimateOf(
  work: readonly EstimatedPhase[],
  {
    memory,
    written = 0,
    notes = [],
  }: Pick<Estimate, 'memory'> & Partial<Pick<Estimate, 'written' | 'notes'>>,
): Estimate {
  const phases = [starting, ...work];
  const seconds = phases.reduce((sum, phase) => sum + (phase.seconds ?? 0), 0);
  return { phases, seconds, memory, written, notes };
}
