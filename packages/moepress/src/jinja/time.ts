import { TemplateError } from './template-error.js';

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];

const two = (value: number) => String(value).padStart(2, '0');
const hour12 = (time: Date) => time.getHours() % 12 || 12;

/** Directives of `strftime`, in its default locale. */
const directives: Readonly<Record<string, (time: Date) => string>> = {
  '%': () => '%',
  A: (time) => days[time.getDay()]!,
  a: (time) => days[time.getDay()]!.slice(0, 3),
  B: (time) => months[time.getMonth()]!,
  b: (time) => months[time.getMonth()]!.slice(0, 3),
  d: (time) => two(time.getDate()),
  '-d': (time) => String(time.getDate()),
  e: (time) => String(time.getDate()).padStart(2),
  F: (time) => `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`,
  H: (time) => two(time.getHours()),
  '-H': (time) => String(time.getHours()),
  I: (time) => two(hour12(time)),
  '-I': (time) => String(hour12(time)),
  M: (time) => two(time.getMinutes()),
  m: (time) => two(time.getMonth() + 1),
  '-m': (time) => String(time.getMonth() + 1),
  n: () => '\n',
  p: (time) => (time.getHours() < 12 ? 'AM' : 'PM'),
  S: (time) => two(time.getSeconds()),
  T: (time) => `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`,
  Y: (time) => String(time.getFullYear()),
  y: (time) => two(time.getFullYear() % 100),
};

/** `time.strftime(format)`. Throws `TemplateError` for directives that are not known. */
export function timeText(format: string, time: Date): string {
  return format.replace(/%(-?[\s\S])?/g, (whole, name: string | undefined) => {
    if (name !== undefined && Object.hasOwn(directives, name)) return directives[name]!(time);
    throw new TemplateError(`the directive "${whole}" of a time is not known`);
  });
}
