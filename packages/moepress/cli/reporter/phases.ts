/** A part of a job that is done after the others, in the words of people. */
export interface Phase {
  /** The names of its tasks in progress events; a name that ends in `*` stands for all that begin so. */
  readonly tasks: readonly string[];
  /** Seconds that it takes by the estimate; null where nobody knows. */
  readonly seconds: number | null;
}

/** Where a job stands: the phases that it has, and the one it is in. */
export class Phases {
  #phases: readonly Phase[] = [];
  #current = -1;

  /** What the job consists of from now on; phases without tasks are over by then. */
  begin(phases: readonly Phase[]): void {
    this.#phases = phases.filter(({ tasks }) => tasks.length > 0);
    this.#current = -1;
  }

  /** Takes note of a task that has begun. Of several phases with such a task the next one is meant. */
  enter(task: string): void {
    const from = Math.max(this.#current, 0);
    const found = this.#phases.findIndex((phase, i) => i >= from && phase.tasks.some(isNamed(task)));
    if (found >= 0) this.#current = found;
  }

  /** ` (2/4)`; empty where the job has one phase, or none is known. */
  get label(): string {
    if (this.#phases.length < 2 || this.#current < 0) return '';
    return ` (${this.#current + 1}/${this.#phases.length})`;
  }

  /** Seconds of the current phase by the estimate. */
  get expected(): number | null {
    return this.#phases[this.#current]?.seconds ?? null;
  }

  /** Seconds of the phases that are still to come, and whether that is all of them. */
  get later(): { readonly seconds: number; readonly isWhole: boolean } {
    const rest = this.#phases.slice(this.#current + 1);
    const seconds = rest.reduce((sum, phase) => sum + (phase.seconds ?? 0), 0);
    return { seconds, isWhole: rest.every((phase) => phase.seconds !== null) };
  }
}

const isNamed = (task: string) => (name: string) =>
  name.endsWith('*') ? task.startsWith(name.slice(0, -1)) : task === name;
