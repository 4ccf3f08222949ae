import { MoepressError } from '@moepress/core';

/** Which proxy a request goes through. */
export interface Proxies {
  /** The proxy for a URL; null: none. */
  proxyFor(url: URL): URL | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxies that `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY` name, but for the hosts of `NO_PROXY`, as Python's
 * clients read them: small letters before capitals, a host without a scheme is an HTTP proxy, and `HTTP_PROXY` in
 * capitals is not read in a CGI process. Null where none is named. Throws `INPUT_INVALID` for what is no HTTP proxy.
 */
export function readProxies(env: Environment): Proxies | null {
  const read = (name: string) => env[name.toLowerCase()] || env[name] || undefined;
  const all = asProxy('ALL_PROXY', read('ALL_PROXY'));
  // There a client's header `Proxy:` becomes the variable.
  const http = env.REQUEST_METHOD === undefined ? read('HTTP_PROXY') : env.http_proxy;
  const proxies: Readonly<Record<string, URL | null>> = {
    'http:': asProxy('HTTP_PROXY', http) ?? all,
    'https:': asProxy('HTTPS_PROXY', read('HTTPS_PROXY')) ?? all,
  };
  if (Object.values(proxies).every((proxy) => proxy === null)) return null;
  const exceptions = (read('NO_PROXY') ?? '').split(',').map((host) => host.trim().toLowerCase());
  return {
    proxyFor: (url) =>
      exceptions.some((exception) => isMeant(exception, url)) ? null : (proxies[url.protocol] ?? null),
  };
}

function asProxy(name: string, value: string | undefined): URL | null {
  if (value === undefined) return null;
  const text = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new MoepressError('INPUT_INVALID', {
    // Without the value, which may hold a password.
    message: `${name} does not name an HTTP proxy.`,
    where: name,
    hint: 'Give it an address such as http://proxy.example:3128, or unset it. SOCKS proxies are not supported.',
  });
}

/**
 * Whether an entry of `NO_PROXY` means the host of a URL: `*` all; `.example.com` what ends so; `example.com` that and
 * what ends in a dot and it; addresses as they are. A port limits it to that port.
 */
function isMeant(exception: string, url: URL): boolean {
  if (exception === '') return false;
  if (exception === '*') return true;
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, '');
  const [, name, port] = /^(.*?)(?::(\d+))?$/.exec(withoutScheme(exception)) as unknown as [
    string,
    string,
    string?,
  ];
  const isAddress = withoutScheme(exception).split(':').length > 2;
  const wanted = (isAddress ? withoutScheme(exception) : name)
    .replace(/^\[|\](:\d+)?$/g, '')
    .replace(/^\*(?=\.)/, '');
  if (!isAddress && port !== undefined && port !== portOf(url)) return false;
  return wanted.startsWith('.') ? host.endsWith(wanted) : host === wanted || host.endsWith(`.${wanted}`);
}

const withoutScheme = (exception: string) => exception.replace(/^[a-z]+:\/\//, '');

const portOf = ({ port, protocol }: URL) => port || (protocol === 'https:' ? '443' : '80');
