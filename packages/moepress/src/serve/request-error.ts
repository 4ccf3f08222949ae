/** What an HTTP client is told: a status and OpenAI's error object. */
export class RequestError extends Error {
  readonly status: number;
  /** The parameter that is wrong, as `messages.0.content`. */
  readonly param: string | null;
  /** Headers that belong to the status. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    param: string | null = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.param = param;
    this.headers = headers;
  }
}

/** The server has too much to do (429) or cannot answer now (503); a client may try again after so many seconds. */
export function overloaded(status: 429 | 503, message: string, seconds: number): RequestError {
  return new RequestError(status, message, null, { 'retry-after': `${seconds}` });
}

/** OpenAI's words for statuses; all others below 500 are an `invalid_request_error`. */
const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};

export function errorBody(status: number, message: string, param: string | null) {
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
  return { error: { message, type, param, code: status } };
}
