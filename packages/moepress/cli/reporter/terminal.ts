import { formatDuration, formatPercent, printable } from '../../src/format.js';
import { type Style, wrap } from '../style.js';
import {
  type Clock,
  describeEnd,
  describeTask,
  fractionOf,
  type Output,
  type Reporter,
  Tasks,
} from './tasks.js';

const barWidth = 12;
const millisecondsBetweenFrames = 80;
/** Where nothing is told for a while, the time still goes on. */
const millisecondsUntilRedrawn = 1000;
const clearLine = '\r\u001b[K';

/** One live line with a bar, redrawn in place; each outermost task leaves a line when it ends. */
export function terminalReporter(output: Output, now: Clock, style: Style): Reporter {
  const tasks = new Tasks(now);
  let drawnAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  // A terminal that does not know its width says 0.
  const columns = () => output.columns || 80;
  const draw = () => {
    drawnAt = now();
    output.write(clearLine + liveLine(tasks, { now: drawnAt, columns: columns(), style }));
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
  };

  return {
    progress(event) {
      if (event.type === 'warning') {
        const text = `${style('yellow', 'warning:')} ${printable(event.message)}`;
        output.write(`${clearLine}${wrap(text, columns() - 2)}\n`);
        return draw();
      }
      // For programs that watch.
      if (event.type === 'memory') return;
      const task = tasks.apply(event);
      if (task && event.type === 'end' && tasks.idle) {
        stop();
        output.write(
          `${clearLine}${fit(printable(`${task.name}: ${describeEnd(task, now())}`), columns())}\n`,
        );
      } else if (event.type !== 'advance' || now() - drawnAt >= millisecondsBetweenFrames) {
        draw();
      }
      if (!tasks.idle) timer ??= setInterval(draw, millisecondsUntilRedrawn).unref();
    },
    tell: (text) => output.write(`${clearLine}${printable(text)}\n`),
    phases: (phases) => tasks.phases.begin(phases),
    close() {
      stop();
      if (!tasks.idle) output.write(clearLine);
    },
  };
}

/**
 * `9 s left  Calibrating (2/4) ██████░░░░░░ 50 %  3 s so far, 20/40 sequences`: as many of its parts as there is room for, what
 * one waits for first. It ends before the last column, since a wrapped line could not be cleared.
 */
function liveLine(
  tasks: Tasks,
  { now, columns, style }: { readonly now: number; readonly columns: number; readonly style: Style },
): string {
  const task = tasks.innermost;
  if (!task) return '';
  const fraction = fractionOf(task);
  const filled = Math.round(fraction * barWidth);
  const left = tasks.left(now);
  const head = `${left === null ? '' : `${left}  `}${printable(task.name)}${tasks.phases.label} `;
  const bar = ['█'.repeat(filled), '░'.repeat(barWidth - filled)] as const;
  const percent = ` ${formatPercent(fraction, 0)}`;
  let room = columns - 1 - [...head, ...bar.join(''), ...percent].length;
  if (room < 0) return fit(`${head.trimEnd()}${percent}`, columns);
  const rest: string[] = [];
  for (const part of [
    `${formatDuration(tasks.elapsed(now))} so far`,
    ...describeTask(task, now).map(printable),
  ]) {
    room -= [...part].length + 2;
    if (room < 0) break;
    rest.push(part);
  }
  const coloured = left === null ? head : style('bold', left) + head.slice(left.length);
  const tail = rest.length > 0 ? `  ${style('dim', rest.join(', '))}` : '';
  return `${coloured}${style('cyan', bar[0])}${style('dim', bar[1])}${percent}${tail}`;
}

function fit(line: string, columns: number): string {
  const characters = [...line];
  return characters.length < columns ? line : `${characters.slice(0, columns - 2).join('')}…`;
}
