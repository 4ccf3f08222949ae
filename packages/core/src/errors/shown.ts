/** The most characters of a value that a message shows: enough to recognise it. */
const maxValue = 200;

/** The most characters of a whole message. */
const maxMessage = 2000;

/** A value as JSON, shortened if it is long. For messages about untrusted values. */
export function shown(value: unknown): string {
  return cut(asJson(value) ?? String(value), maxValue);
}

/** JSON, or an empty string for a value that has none or nests too deep. */
function asJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** The beginning and the end of a long text, with the number of characters left out between them. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor(most / 4);
  const left = text.length - most;
  return `${text.slice(0, most - end)}… (${left} characters) …${text.slice(-end)}`;
}

/** Names of environment variables whose values are secret. */
const secretVariable =
  /(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEY|ACCESS_KEY|PRIVATE_KEY)$/i;

/** Shorter values are not replaced: they are words that occur by chance. */
const shortestSecret = 8;

/** User and password of a URL; what follows `Bearer`; tokens of the Hub and of OpenAI, by their forms. */
const forms: readonly (readonly [RegExp, string])[] = [
  [/(\b[a-z][a-z\d+.-]{0,30}:\/\/)[^\s/?#@]{1,500}@/gi, '$1***@'],
  [/(\bbearer )[^\s"']{1,4000}/gi, '$1***'],
  [/\b(?:hf_|sk-)[\w-]{8,4000}/g, '***'],
];

/**
 * A text without credentials: neither the values of secret environment variables nor anything in the form of a
 * credential.
 */
export function withoutSecrets(text: string, env: NodeJS.ProcessEnv = process.env): string {
  let clean = text;
  for (const [name, value] of Object.entries(env)) {
    if (!secretVariable.test(name) || value === undefined) continue;
    // The parts of a credential that was copied with a line break are removed too.
    for (const part of [value, ...value.split(/\s+/)]) {
      if (part.length >= shortestSecret) clean = clean.replaceAll(part, '***');
    }
  }
  return forms.reduce((masked, [form, stars]) => masked.replace(form, stars), clean);
}

/** A text to be shown to people: without credentials and shortened to `most` characters (2000 by default). */
export function presentable(text: string, most = maxMessage): string {
  return withoutSecrets(cut(text, most));
}
