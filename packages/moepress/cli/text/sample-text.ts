import { shown } from '@moepress/core';
import type { Sample } from '@moepress/harness';

/** Characters of a prompt that are shown: its end, where the question is. */
const shownPrompt = 400;

/** A sample for people: what was asked, what came, what was right. */
export function sampleText(task: string, sample: Sample): string {
  const requests = Object.values(sample.arguments);
  const choices = sample.resps.length > 1;
  const lines = [
    `${task} #${sample.doc_id} (${sample.filter}): ${sample.metrics.map((name) => `${name} ${text(sample[name])}`).join(', ')}`,
    ...indented('prompt', tail(text(requests[0]?.arg_0))),
    ...(choices ? choiceLines(sample, requests) : answerLines(sample)),
  ];
  return lines.join('\n');
}

/** One line a choice with its log-likelihood; those that share a context differ in what follows it. */
function choiceLines(
  { resps, target }: Sample,
  requests: readonly Readonly<Record<string, unknown>>[],
): string[] {
  const scores = resps.map(([response]) => Number(text(Array.isArray(response) ? response[0] : response)));
  const best = scores.indexOf(
    scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY),
  );
  const sharesContext = new Set(requests.map(({ arg_0 }) => arg_0)).size === 1;
  return scores.map((score, i) => {
    const choice = text(sharesContext ? requests[i]?.arg_1 : requests[i]?.arg_0);
    const marks = [
      ...(i === best ? ['likeliest'] : []),
      ...(String(i) === target || choice.trim() === target ? ['target'] : []),
    ];
    return `  ${score.toFixed(3).padStart(10)}  ${JSON.stringify(tail(choice))}${marks.length > 0 ? `  <- ${marks.join(', ')}` : ''}`;
  });
}

function answerLines({ resps, filtered_resps: filtered, target }: Sample): string[] {
  return [
    ...indented('answer', text(resps[0]?.[0])),
    ...indented('taken', text(filtered[0])),
    ...indented('target', tail(target)),
  ];
}

/** What a stranger's sample has, as text: nothing for what is not there, and JSON for what should be a text. */
function text(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : shown(value);
}

function indented(name: string, lines: string): string[] {
  return lines.split('\n').map((line, i) => `  ${(i === 0 ? `${name}:` : '').padEnd(8)} ${line}`.trimEnd());
}

function tail(whole: string): string {
  return whole.length > shownPrompt ? `…${whole.slice(-shownPrompt)}` : whole;
}
