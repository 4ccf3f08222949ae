/** The same answer, whose body fails when more than so many bytes of it come: nobody knows how long a stranger's is. */
export function bounded({ body, status, statusText, headers }: Response, bytes: number): Response {
  return new Response(body?.pipeThrough(atMost(bytes)) ?? null, { status, statusText, headers });
}

function atMost(bytes: number): TransformStream<Uint8Array, Uint8Array> {
  let left = bytes;
  return new TransformStream({
    transform(chunk, controller) {
      left -= chunk.length;
      if (left < 0) throw new Error(`the answer has more than ${bytes} bytes`);
      controller.enqueue(chunk);
    },
  });
}
