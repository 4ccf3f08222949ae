/** Characters of a value in a message: enough to find it by. */
const maxValue = 200;

/** Characters of a whole message. */
const maxMessage = 2000;

/** A value as JSON, cut if it is long. For messages about what a stranger wrote. */
export function shown(value: unknown): string {
  return cut(asJson(value) ?? String(value), maxValue);
}

/** JSON, or nothing for what is none or nests too deep to be written. */
function asJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** A long text's beginning and end, and how much is between them. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor(most / 4);
  const left = text.length - most;
  return `${text.slice(0, most - end)}… (${left} characters) …${text.slice(-end)}`;
}

/** Names of variables whose values are nobody's business. */
const secretVariable =
  /(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEY|ACCESS_KEY|PRIVATE_KEY)$/i;

/** Shorter ones are words that occur by chance. */
const shortestSecret = 8;

/** User and password of a URL; what follows `Bearer`; tokens of the Hub and of OpenAI, by their forms. */
const forms: readonly (readonly [RegExp, string])[] = [
  [/(\b[a-z][a-z\d+.-]{0,30}:\/\/)[^\s/?#@]{1,500}@/gi, '$1***@'],
  [/(\bbearer )[^\s"']{1,4000}/gi, '$1***'],
  [/\b(?:hf_|sk-)[\w-]{8,4000}/g, '***'],
];

/** A text without credentials: those of the environment, and what has the form of some. */
export function withoutSecrets(text: string, env: NodeJS.ProcessEnv = process.env): string {
  let clean = text;
  for (const [name, value] of Object.entries(env)) {
    if (!secretVariable.test(name) || value === undefined) continue;
    // Also the parts of one that was copied with a line break.
    for (const part of [value, ...value.split(/\s+/)]) {
      if (part.length >= shortestSecret) clean = clean.replaceAll(part, '***');
    }
  }
  return forms.reduce((masked, [form, stars]) => masked.replace(form, stars), clean);
}

/** A text for people: without credentials, and not long; `most`: characters, 2000 by default. */
export function presentable(text: string, most = maxMessage): string {
  return withoutSecrets(cut(text, most));
}
