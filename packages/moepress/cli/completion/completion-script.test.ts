import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completionScript, shells } from './completion-script.js';
import type { DescribedCommand } from './described-command.js';

const flag = (name: string, choices: readonly string[] = []) => ({
  ...{ flag: name, description: "it's [a] flag: yes", takesValue: choices.length > 0, choices },
});
const commands: DescribedCommand[] = [
  {
    ...{ name: 'compress', description: "the model's weights", choices: [] },
    options: [flag('--layout', ['masked', 'compact']), flag('--force')],
  },
  { name: 'completion', description: 'a script', choices: ['bash', 'zsh'], options: [flag('--help')] },
];

/** What a line that ends where the cursor is completes to in bash. */
function inBash(...words: string[]): string[] {
  const script = completionScript('bash', commands);
  const typed = words.map((word) => `'${word}'`).join(' ');
  const asked = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _moepress; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${asked}`], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

describe('completion', () => {
  it('completes commands, options, and values of options and arguments', () => {
    expect(inBash('moepress', 'comp')).toEqual(['compress', 'completion']);
    expect(inBash('moepress', 'compress', 'tiny', '--f')).toEqual(['--force']);
    expect(inBash('moepress', 'compress', '--layout', 'm')).toEqual(['masked']);
    expect(inBash('moepress', 'completion', '')).toEqual(['bash', 'zsh']);
  });

  it.each(shells)('is a script that %s understands, and names everything', (shell) => {
    const script = completionScript(shell, commands);
    for (const word of ['compress', 'completion', 'layout', 'masked', 'force'])
      expect(script).toContain(word);
    if (!existsSync(`/usr/bin/${shell}`) && !existsSync(`/bin/${shell}`)) return;
    const folder = mkdtempSync(join(tmpdir(), 'moepress-completion-'));
    try {
      const file = join(folder, 'script');
      writeFileSync(file, script);
      const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
