import { formatDuration, formatPercent, printable } from '../../src/format.js';
import type { Style } from '../style.js';
import {
  type Clock,
  describeEnd,
  describeTask,
  fractionOf,
  type Output,
  type Reporter,
  Tasks,
} from './tasks.js';

const millisecondsBetweenLines = 3000;
const fractionBetweenLines = 0.1;
const millisecondsWithoutNews = 30_000;

/**
 * Plain lines for logs: never two within three seconds, and then only when a tenth of the task is done
 * since the last one or nothing was said for half a minute. Each outermost task leaves a line when it ends.
 */
export function linesReporter(output: Output, now: Clock, style: Style): Reporter {
  const tasks = new Tasks(now);
  let last = { name: '', fraction: 0, at: now() };

  const isDue = (name: string, fraction: number) => {
    const quiet = now() - last.at;
    const news = name === last.name ? fraction - last.fraction : fraction;
    if (quiet >= millisecondsWithoutNews) return true;
    return quiet >= millisecondsBetweenLines && news >= fractionBetweenLines;
  };

  return {
    progress(event) {
      if (event.type === 'warning') {
        output.write(`${style('yellow', 'warning:')} ${printable(event.message)}\n`);
        return;
      }
      // For programs that watch.
      if (event.type === 'memory') return;
      const task = tasks.apply(event);
      if (!task) return;
      const { name } = task;
      const fraction = fractionOf(task);
      if (event.type === 'start') {
        last = { ...last, name, fraction };
      } else if (event.type === 'end') {
        if (tasks.idle) output.write(`${name}: ${describeEnd(task, now())}\n`);
      } else if (isDue(name, fraction)) {
        last = { name, fraction, at: now() };
        const left = tasks.left(last.at);
        const elapsed = `${formatDuration(tasks.elapsed(last.at))} so far`;
        const known = [formatPercent(fraction, 0), elapsed, ...describeTask(task, last.at)];
        const text = [...(left === null ? [] : [left]), ...known].join(', ');
        output.write(`${name}${tasks.phases.label}: ${text}\n`);
      }
    },
    tell: (text) => output.write(`${printable(text)}\n`),
    phases: (phases) => tasks.phases.begin(phases),
    close() {},
  };
}
