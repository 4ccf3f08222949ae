import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openChatTemplate, type ServedTemplate } from './chat-template.js';
import { parseChat } from './protocol/chat.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-chat-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: string | object) =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

async function opened(): Promise<ServedTemplate> {
  const template = (await openChatTemplate(folder))!;
  onTestFinished(() => template.close());
  return template;
}

async function render(messages: object[], more: object = {}): Promise<string> {
  return renderBy(await opened(), messages, more);
}

function renderBy(template: ServedTemplate, messages: object[], more: object = {}): Promise<string> {
  const { messages: parsed, variables } = parseChat({ messages, ...more });
  return template.render(parsed, variables, new AbortController().signal);
}

const user = (content: unknown) => ({ role: 'user', content });
const parts = [
  { type: 'text', text: 'a' },
  { type: 'text', text: 'b' },
];

describe('openChatTemplate', () => {
  it('finds templates where transformers does', async () => {
    expect(await openChatTemplate(folder)).toBeNull();
    write('tokenizer_config.json', { chat_template: [{ name: 'rag', template: 'r' }] });
    expect(await openChatTemplate(folder)).toBeNull();
    write('tokenizer_config.json', {
      chat_template: [
        { name: 'rag', template: 'r' },
        { name: 'default', template: 'of a list' },
      ],
    });
    expect(await render([user('x')])).toBe('of a list');
    write('chat_template.jinja', 'of the file');
    expect(await render([user('x')])).toBe('of the file');
  });

  it('gives the template special tokens, wherever they are named, and nothing for tools', async () => {
    write('special_tokens_map.json', { eos_token: { content: '</s>' } });
    write('tokenizer_config.json', { bos_token: '<s>' });
    const template =
      '{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ tools is none }}{{ add_generation_prompt }}';
    write('chat_template.jinja', template);
    expect(await render([user('x')])).toBe('<s></s>FalseTrueTrue');
  });

  it('joins parts of text for a template that knows none, and leaves them to one that does', async () => {
    write('chat_template.jinja', '{% for m in messages %}[{{ m.content }}]{% endfor %}');
    expect(await render([user(parts), user('c')])).toBe('[a\nb][c]');
    write(
      'chat_template.jinja',
      "{% for m in messages %}{% for part in m['content'] %}<{{ part.text }}>{% endfor %}{% endfor %}",
    );
    expect(await render([user(parts)])).toBe('<a><b>');
  });

  it('passes on what the request gives the template', async () => {
    write('chat_template.jinja', '{{ enable_thinking is defined and enable_thinking is false }}');
    const template = await opened();
    expect(await renderBy(template, [user('x')])).toBe('False');
    const without = { chat_template_kwargs: { enable_thinking: false } };
    expect(await renderBy(template, [user('x')], without)).toBe('True');
  });

  it('tells what a template refuses', async () => {
    write('chat_template.jinja', "{{ raise_exception('Only users.') }}");
    await expect(render([user('x')])).rejects.toMatchObject({ status: 400, message: /Only users/ });
    write('chat_template.jinja', '{% for %}');
    await expect(render([user('x')])).rejects.toMatchObject({ status: 400 });
  });

  it('lets nobody wait for slow conversations, of which few may wait', async () => {
    write(
      'chat_template.jinja',
      "{% for i in range(n or 0) %}{% for j in range(100) %}{{ '' }}{% endfor %}{% endfor %}{{ n }}",
    );
    const template = await opened();
    const say = (n: number) => renderBy(template, [user('x')], { chat_template_kwargs: { n } });
    const order: number[] = [];
    const slow = Array.from({ length: 8 }, () => say(200).then((text) => order.push(Number(text))));
    const refused = expect(say(200)).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
    });
    await Promise.all([1, 2, 3].map((n) => say(n).then((text) => order.push(Number(text)))));
    await refused;
    await Promise.all(slow);
    expect(order).toEqual([1, 2, 3, ...slow.map(() => 200)]);
    await expect(say(99_999)).rejects.toMatchObject({ status: 400, message: /too many steps/ });
  });

  it('knows a git-lfs pointer', async () => {
    write('chat_template.jinja', `version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n`);
    await expect(openChatTemplate(folder)).rejects.toMatchObject({ code: 'TOKENIZER_MISSING' });
  });
});

const shared = process.env.MOEPRESS_SHARED;

interface Line {
  readonly shots: number;
  readonly multi: boolean;
  readonly system: string | null;
  readonly template_args: Readonly<Record<string, unknown>>;
  readonly kind: string;
  readonly context: string;
}

describe.runIf(shared)("prompts of lm-evaluation-harness' chats", () => {
  // Of those with one turn the message can be read off the prompt itself.
  const forms = {
    qwen3: /^<\|im_start\|>user\n([\s\S]*)<\|im_end\|>\n<\|im_start\|>assistant\n/,
    deepseek_v3: /^<｜begin▁of▁sentence｜><｜User｜>([\s\S]*)<｜Assistant｜>$/,
  };
  it.each(Object.entries(forms))('are those of %s', async (name, form) => {
    const config = gunzipSync(
      readFileSync(join(shared!, `data/tokenizers/${name}.tokenizer_config.json.gz`)),
    );
    write('tokenizer_config.json', config.toString());
    const lines: Line[] = readFileSync(join(shared!, `golden/chat/${name}.jsonl`), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const template = await opened();
    let compared = 0;
    for (const line of lines) {
      const message = line.system === null && !line.multi ? form.exec(line.context)?.[1] : undefined;
      if (message === undefined || line.kind !== 'generate_until') continue;
      const prompt = await renderBy(template, [user(message)], { chat_template_kwargs: line.template_args });
      expect(line.context.startsWith(prompt)).toBe(true);
      compared++;
    }
    expect(compared).toBeGreaterThan(3);
  });
});
