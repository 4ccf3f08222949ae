import { expect, it } from 'vitest';
import { questionsOf, readRecipe } from './recipe.js';

it('asks instruct models as a recipe says, and says nothing of what it leaves out', async () => {
  const common = { models: ['tiny'], tasks: ['tiny_gsm'], methods: ['random'], ratios: [0.5] };
  const plain = await readRecipe(common);
  expect(plain.data.movement).toBe(true);
  expect(questionsOf(plain.data, undefined)).toEqual({ tasks: ['tiny_gsm'] });
  const { data } = await readRecipe({
    ...common,
    limit: 5,
    apply_chat_template: 'tool_use',
    system_instruction: 'Be brief.',
    enable_thinking: true,
    think_end_token: '</think>',
    gen_kwargs: { temperature: 0.6 },
  });
  expect(questionsOf(data, 'rows')).toEqual({
    tasks: ['tiny_gsm'],
    limit: 5,
    data: 'rows',
    applyChatTemplate: 'tool_use',
    systemInstruction: 'Be brief.',
    enableThinking: true,
    thinkEndToken: '</think>',
    genKwargs: { temperature: 0.6 },
  });
});
