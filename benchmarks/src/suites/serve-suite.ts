import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { tinyModel } from '@moepress/tiny';
import { benchFolder, inScratch, moepress } from '../real/moepress.js';
import { usageOf } from '../real/process.js';
import { ask, isSame, questions, type Told } from '../serve/honest.js';
import { attack } from '../serve/hostile.js';

/** 64 clients, 20 of them hostile; requests of the honest ones, in turns without the others and with them. */
const load = { honest: 44, hostile: 20, requests: 1000, turns: 5 };

/** Asks as a chat does, with a loop that a request can make long. */
const template =
  "{% for i in range(turns or 0) %}{% for j in range(100) %}{{ '' }}{% endfor %}{% endfor %}" +
  '{% for m in messages %}Question: {{ m.content }}\n{% endfor %}Answer:';

/**
 * A server of the embedded model before honest and hostile clients: how much longer the honest ones wait at worst because
 * of the others, whether they are answered as they are alone, and what memory the server takes.
 */
export async function serveSuite(): Promise<void> {
  await mkdir(benchFolder, { recursive: true });
  await inScratch(benchFolder, async (scratch) => {
    const folder = join(scratch, 'tiny');
    cpSync(tinyModel.directory, folder, { recursive: true });
    writeFileSync(join(folder, 'chat_template.jinja'), template);
    const { outcome, complaint } = await moepress(['serve', folder, '--port', '0'], scratch, { drive });
    if (outcome !== 'done') throw new Error(`The server: ${outcome}: ${complaint}`);
  });
}

async function drive(child: ChildProcess): Promise<void> {
  const [line] = await once(child.stdout!, 'data');
  const { origin, port } = new URL(JSON.parse(String(line)).baseUrl);
  const alone: Told[] = [];
  for (const question of questions) alone.push(await ask(origin, question));
  const seconds: Record<Company, number[]> = { honest: [], mixed: [] };
  const processor: Record<Company, number> = { honest: 0, mixed: 0 };
  const outcomes = new Map<string, number>();
  const memory: string[] = [];
  let wrong = 0;
  let asked = 0;

  const turn = async (company: Company) => {
    const over = new AbortController();
    const before = usageOf(child.pid!)!.cpu;
    const attackers = attack(Number(port), company === 'mixed' ? load.hostile : 0, over.signal);
    let left = load.requests / load.turns;
    const clients = Array.from({ length: load.honest }, async () => {
      while (left-- > 0) {
        const at = asked++ % questions.length;
        const began = performance.now();
        if (!isSame(await ask(origin, questions[at]!), alone[at]!)) wrong++;
        seconds[company].push((performance.now() - began) / 1000);
      }
    });
    const highest = await highestMemory(child.pid!, Promise.all(clients));
    processor[company] += usageOf(child.pid!)!.cpu - before;
    over.abort();
    for (const [outcome, count] of await attackers)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    memory.push(`${company} ${(highest / 1e6).toFixed(0)}`);
  };
  await turn('honest');
  seconds.honest.length = 0;
  processor.honest = 0;
  for (let i = 0; i < load.turns; i++) {
    await turn('honest');
    await turn('mixed');
  }
  child.kill('SIGTERM');
  const [own, mixed] = [seconds.honest, seconds.mixed].map((all) => all.sort((a, b) => a - b)) as [
    number[],
    number[],
  ];
  const at = (all: readonly number[], share: number) => all[Math.ceil(all.length * share) - 1]!;
  const shown = (all: readonly number[]) =>
    [0.5, 0.9, 0.99, 1].map((share) => `${(1000 * at(all, share)).toFixed(0)}`).join(', ');
  console.log(`serve: ${load.honest} honest clients, ${mixed.length} requests; ms at 50, 90, 99 and 100 %`);
  console.log(`  by themselves ${shown(own)}; beside ${load.hostile} hostile ones ${shown(mixed)}`);
  console.log(
    `  99 %: ${(at(mixed, 0.99) / at(own, 0.99)).toFixed(2)} x; ${wrong} answers differ from those alone`,
  );
  const each = (company: Company) => `${((1000 * processor[company]) / load.requests).toFixed(1)} ms`;
  console.log(
    `  processor time of the server for each honest request: ${each('honest')}, ${each('mixed')} with what the others cost`,
  );
  console.log(`  highest anonymous memory of each turn in MB: ${memory.join(', ')}`);
  for (const [outcome, count] of [...outcomes].sort()) console.log(`  ${outcome} x ${count}`);
}

type Company = 'honest' | 'mixed';

/** Bytes of anonymous memory, the most that a process has while something is under way. */
async function highestMemory(pid: number, work: Promise<unknown>): Promise<number> {
  let highest = 0;
  const timer = setInterval(() => {
    highest = Math.max(highest, usageOf(pid)?.anonymous ?? 0);
  }, 50);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  return highest;
}
