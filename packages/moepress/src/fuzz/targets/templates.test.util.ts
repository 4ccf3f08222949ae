import { confineTemplate } from '@moepress/harness';
import { mutateText } from '../bytes.test.util.js';
import { mutateJson } from '../json.test.util.js';
import type { Target } from '../target.test.util.js';

const sources = [
  "{% for m in messages %}<|{{ m.role }}|>{{ m['content'] | trim }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
  "{%- set ns = namespace(last=0, text='') -%}{%- for m in messages[::-1] -%}{%- set ns.last = loop.index0 -%}{%- set ns.text = ns.text ~ m.content * 3 -%}{%- endfor -%}{{ ns.text | upper | replace('A', 'bb') | length }}",
  "{% macro show(x, n=2) %}{% for i in range(n) %}{{ x }}{% if loop.last %}.{% else %}, {% endif %}{% endfor %}{% endmacro %}{{ show(messages | map(attribute='role') | join('-'), 5) }}{{ {'a': [1, 2.5, none]} | tojson(indent=2) }}",
  "{% if tools is defined and tools %}{{ tools | tojson }}{% elif messages | length > 1 %}{{ raise_exception('No: ' + messages[0].role) }}{% endif %}{{ '%s has %05.2f' % ('x', 3.14159) }}{{ 'a,b'.split(',') | last }}{{ 7 // 2 ** 3 % 5 }}",
  "{% filter indent(4) %}{% for k, v in messages[0].items() recursive %}{{ k }}={{ v }}{{ loop(v.items()) if v is mapping }}{% endfor %}{% endfilter %}{% set x = 'x' * 1000000 %}{% for i in range(50) %}{{ x.count('xy') }}{% endfor %}",
];

const variables = {
  messages: [
    { role: 'user', content: 'Hello, é漢😀' },
    { role: 'assistant', content: [{ type: 'text', text: 'Hi' }] },
  ],
  add_generation_prompt: true,
  eos_token: '</s>',
  tools: null,
};

export const templates: Target = {
  name: 'templates',
  async prepare() {
    return async (random) => {
      const template = confineTemplate(mutateText(random.pick(sources), random));
      const given = random.chance(0.2) ? (mutateJson(variables, random) as object) : variables;
      try {
        return await template.render({ ...given }, { patience: 200 });
      } finally {
        await template.close();
      }
    };
  },
};
