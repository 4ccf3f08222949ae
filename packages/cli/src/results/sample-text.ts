import type { Sample } from '@moepress/harness';

/** Characters of a prompt that are shown: its end, where the question is. */
const shownPrompt = 400;

/** A sample for people: what was asked, what came, what was right. */
export function sampleText(task: string, sample: Sample): string {
  const requests = Object.values(sample.arguments);
  const choices = sample.resps.length > 1;
  const lines = [
    `${task} #${sample.doc_id} (${sample.filter}): ${sample.metrics.map((name) => `${name} ${String(sample[name])}`).join(', ')}`,
    ...indented('prompt', tail(String(requests[0]?.arg_0 ?? ''))),
    ...(choices ? choiceLines(sample, requests) : answerLines(sample)),
  ];
  return lines.join('\n');
}

/** One line a choice with its log-likelihood; those that share a context differ in what follows it. */
function choiceLines(
  { resps, target }: Sample,
  requests: readonly Readonly<Record<string, unknown>>[],
): string[] {
  const scores = resps.map(([response]) => Number(Array.isArray(response) ? response[0] : response));
  const best = scores.indexOf(Math.max(...scores));
  const sharesContext = new Set(requests.map(({ arg_0 }) => arg_0)).size === 1;
  return scores.map((score, i) => {
    const text = String((sharesContext ? requests[i]?.arg_1 : requests[i]?.arg_0) ?? '');
    const marks = [
      ...(i === best ? ['likeliest'] : []),
      ...(String(i) === target || text.trim() === target ? ['target'] : []),
    ];
    return `  ${score.toFixed(3).padStart(10)}  ${JSON.stringify(tail(text))}${marks.length > 0 ? `  <- ${marks.join(', ')}` : ''}`;
  });
}

function answerLines({ resps, filtered_resps: filtered, target }: Sample): string[] {
  return [
    ...indented('answer', String(resps[0]?.[0] ?? '')),
    ...indented('taken', String(filtered[0] ?? '')),
    ...indented('target', tail(target)),
  ];
}

function indented(name: string, text: string): string[] {
  return text.split('\n').map((line, i) => `  ${(i === 0 ? `${name}:` : '').padEnd(8)} ${line}`.trimEnd());
}

function tail(text: string): string {
  return text.length > shownPrompt ? `…${text.slice(-shownPrompt)}` : text;
}
