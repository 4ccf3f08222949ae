import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';

/**
 * A registry that serves `packages` (see `packAll`) and passes what else is asked for on to `upstream`. It listens on a
 * socket file, which can be reached from where there is no network.
 */
export function startRegistry(packages, { socket, upstream }) {
  const own = new Map(packages.map((one) => [one.manifest.name, one]));
  const server = createServer(async (request, response) => {
    const address = `http://${request.headers.host}`;
    const path = decodeURIComponent(request.url.slice(1).split('?')[0]);
    const [name, file] = path.split('/-/');
    const found = own.get(name);
    try {
      if (!found) await pass(path, { request, response, address, upstream });
      else if (file) createReadStream(found.path).pipe(response);
      else send(response, describe(found, address));
    } catch (error) {
      response.writeHead(502).end(String(error));
    }
  });
  // On a busy machine npm uses a connection again long after.
  server.keepAliveTimeout = 600_000;
  return new Promise((resolve) => server.listen(socket, () => resolve(server)));
}

const send = (response, body) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

function describe({ manifest, integrity, shasum = 'none' }, address) {
  const { name, version } = manifest;
  const dist = { integrity, shasum, tarball: `${address}/${name}/-/${shasum}.tgz` };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}

async function pass(path, { request, response, address, upstream }) {
  const { accept = '*/*' } = request.headers;
  const escaped = path.includes('/-/') ? path : path.replace('/', '%2f');
  const answer = await fetch(new URL(escaped, upstream), { headers: { accept } });
  const body = Buffer.from(await answer.arrayBuffer());
  const type = answer.headers.get('content-type') ?? '';
  response.writeHead(answer.status, { 'content-type': type });
  // Tarballs are fetched here, too.
  response.end(type.includes('json') ? body.toString().replaceAll(upstream, `${address}/`) : body);
}
