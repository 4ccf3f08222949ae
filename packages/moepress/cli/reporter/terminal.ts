import { formatPercent, printable } from '../../src/format.js';
import {
  type Clock,
  describeEnd,
  describeTask,
  fractionOf,
  type Output,
  type Reporter,
  type Task,
  Tasks,
} from './tasks.js';

const barWidth = 24;
const millisecondsBetweenFrames = 80;
const clearLine = '\r\u001b[K';

/** One live line with a bar, redrawn in place; each outermost task leaves a line when it ends. */
export function terminalReporter(output: Output, now: Clock): Reporter {
  const tasks = new Tasks(now);
  let drawnAt = Number.NEGATIVE_INFINITY;

  const draw = () => {
    drawnAt = now();
    const task = tasks.innermost;
    // A terminal that does not know its width says 0.
    const line = task ? fit(printable(liveLine(task, drawnAt)), output.columns || 80) : '';
    output.write(clearLine + line);
  };

  return {
    progress(event) {
      if (event.type === 'warning') {
        output.write(`${clearLine}warning: ${printable(event.message)}\n`);
        return draw();
      }
      // For programs that watch.
      if (event.type === 'memory') return;
      const task = tasks.apply(event);
      if (task && event.type === 'end' && tasks.idle) {
        output.write(`${clearLine}${task.name}: ${describeEnd(task, now())}\n`);
      } else if (event.type !== 'advance' || now() - drawnAt >= millisecondsBetweenFrames) {
        draw();
      }
    },
    close() {
      if (!tasks.idle) output.write(clearLine);
    },
  };
}

function liveLine(task: Task, now: number): string {
  const fraction = fractionOf(task);
  const filled = Math.round(fraction * barWidth);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  return `${task.name} ${bar} ${formatPercent(fraction, 0)}  ${describeTask(task, now)}`;
}

/** Cut before the last column: a wrapped line could not be cleared. */
function fit(line: string, columns: number): string {
  const characters = [...line];
  return characters.length < columns ? line : `${characters.slice(0, columns - 2).join('')}…`;
}
