import { createHash } from 'node:crypto';
import type { LanguageModel } from '../model/language-model.js';

function digest(...parts: string[]): Buffer {
  return createHash('sha256').update(parts.join('\u001f'), 'utf8').digest();
}

function uniform(hash: Buffer): number {
  return hash.readUInt32BE(0) / 2 ** 32;
}

/**
 * The model without weights that the reference runs of lm-evaluation-harness used: every answer is a
 * function of the SHA-256 of the request. `answers` gives the worked answer to each question, so that
 * some of its generations are right.
 */
export function fakeModel(answers: ReadonlyMap<string, string> = new Map()): LanguageModel {
  return {
    name: 'FakeLM',
    async loglikelihood(requests) {
      return requests.map(({ context, continuation }) => {
        const hash = digest(context, continuation);
        return { logprob: -20 * uniform(hash), isGreedy: (hash[4]! & 1) === 1 };
      });
    },
    async loglikelihoodRolling(texts) {
      return texts.map((text) => {
        const bytes = Buffer.byteLength(text);
        return { logprob: -(0.5 + uniform(digest(text))) * bytes, tokens: bytes };
      });
    },
    async generateUntil(requests) {
      return requests.map(({ context }) => {
        return generation(digest(context), answers.get(questionOf(context)) ?? '');
      });
    },
  };
}

/** The last question of a prompt of GSM8K, in either of its forms. */
function questionOf(context: string): string {
  const last = [...context.matchAll(/(?:Question|Q): /g)].at(-1)!;
  return context.slice(last.index + last[0].length).replace(/\n(Answer|A):.*$/, '');
}

function generation(hash: Buffer, answer: string): string {
  const number = answer.slice(answer.lastIndexOf('#### ') + 5);
  const kind = hash[0]!;
  if (kind < 80) return ` ${answer}`;
  if (kind < 120) return ` The answer is $${number}.`;
  if (kind < 160) return ` Some reasoning.\n#### ${hash[1]! * 256 + hash[2]!}`;
  if (kind < 200) return ` I get ${number} dollars in 2 steps`;
  return ' no number here';
}
