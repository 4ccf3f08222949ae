/** What an HTTP client is told: a status and OpenAI's error object. */
export class RequestError extends Error {
  readonly status: number;
  readonly param: string | null;

  constructor(status: number, message: string, param: string | null = null) {
    super(message);
    this.status = status;
    this.param = param;
  }
}

export function errorBody(status: number, message: string, param: string | null) {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  return { error: { message, type, param, code: status } };
}
