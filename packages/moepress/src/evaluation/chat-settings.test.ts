import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgressEvent } from '@moepress/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import { type ChatSettings, checkChatSettings, withPrompts } from './chat-settings.js';

describe('settings of a chat', () => {
  it.each<[ChatSettings, string]>([
    [{ enableThinking: true, applyChatTemplate: true }, 'thinkEndToken'],
    [{ enableThinking: false }, 'enableThinking'],
    [{ fewshotAsMultiturn: true }, 'fewshotAsMultiturn'],
    [{ chatTemplateArgs: { a: 1 } }, 'chatTemplateArgs'],
    [{ chatTemplateArgs: [] as unknown as object as never, applyChatTemplate: true }, 'chatTemplateArgs'],
    [{ applyChatTemplate: '' }, 'applyChatTemplate'],
    [{ thinkEndToken: -1 }, 'thinkEndToken'],
    [{ thinkEndToken: '' }, 'thinkEndToken'],
    [{ systemInstruction: 3 as unknown as string }, 'systemInstruction'],
  ])('refuses %j', (settings, where) => {
    expect(() => checkChatSettings(settings)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', where }),
    );
  });

  it('takes an instruction without a template, and examples in one turn', () => {
    checkChatSettings({ systemInstruction: 'Be short.', fewshotAsMultiturn: false, thinkEndToken: 5 });
  });
});

describe('chat templates of a folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'moepress-chat-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const templates = (given: unknown) =>
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ chat_template: given }));
  const render = (settings: ChatSettings, events: ProgressEvent[] = []) =>
    withPrompts(folder, { ...settings, onProgress: (event) => events.push(event) }, async ({ chat }) => {
      return chat!.template.render([{ role: 'user', content: 'x' }], { addGenerationPrompt: true });
    });

  it('are taken by their names, a single one whatever it is called', async () => {
    templates({ default: 'one', rag: 'two {{ n }}{{ enable_thinking }}' });
    expect(await render({ applyChatTemplate: true })).toEqual({ text: 'one' });
    const named = { applyChatTemplate: 'rag', chatTemplateArgs: { n: 7 }, enableThinking: false };
    expect(await render(named)).toEqual({ text: 'two 7False' });
    await expect(render({ applyChatTemplate: 'tool' })).rejects.toMatchObject({
      hint: expect.stringContaining('"default", "rag"'),
    });
    templates('only');
    const events: ProgressEvent[] = [];
    expect(await render({ applyChatTemplate: 'rag' }, events)).toEqual({ text: 'only' });
    expect(events).toMatchObject([{ type: 'warning' }]);
  });

  it('are refused where there is none, and what moepress itself gives them', async () => {
    await expect(render({ applyChatTemplate: true })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    templates('only');
    const args = { applyChatTemplate: true, chatTemplateArgs: { messages: [] } };
    await expect(render(args)).rejects.toMatchObject({ where: 'chatTemplateArgs.messages' });
  });

  it('tell what they refuse', async () => {
    templates("{{ raise_exception('Only on Mondays.') }}");
    expect(await render({ applyChatTemplate: true })).toEqual({ refusal: 'Only on Mondays.' });
  });
});

it('says of a model without a template how to go on', async () => {
  const options = { tasks: ['tiny_facts'], applyChatTemplate: true, cache: false, limit: 2 } as const;
  await expect(evaluate('tiny', options)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    hint: expect.stringContaining('chat_template.jinja'),
  });
});
