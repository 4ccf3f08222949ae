import { expect, it, onTestFinished } from 'vitest';
import { confineTemplate } from './confined.js';

function template(source: string) {
  const confined = confineTemplate(source);
  onTestFinished(() => confined.close());
  return confined;
}

it('renders in its thread what a template writes, and tells what it refuses', async () => {
  const greeting = template("Hello {{ name }}{{ raise_exception('No.') if not name }}");
  expect(await greeting.render({ name: 'you' })).toBe('Hello you');
  await expect(greeting.render({})).rejects.toMatchObject({ name: 'TemplateError', message: 'No.' });
  await expect(template('{% for %}').render({})).rejects.toMatchObject({ name: 'TemplateError' });
});

it('stops one that takes long, for those after it', async () => {
  // Each step is one, and long.
  const slow = template(
    "{% set x = 'x' * 16000000 %}{% if slow %}{% for i in range(30000) %}{{ x.count('xy') }}{% endfor %}{% endif %}",
  );
  const options = { patience: 200 };
  const stopped = slow.render({ slow: true }, options);
  const after = slow.render({}, { patience: 2000 });
  await expect(stopped).rejects.toMatchObject({ message: expect.stringContaining('it took longer than') });
  expect(await after).toBe('');
  const signal = AbortSignal.timeout(50);
  await expect(slow.render({ slow: true }, { patience: 1e6, signal })).rejects.toThrow('timeout');
});
