import { describe, expect, it } from 'vitest';
import { readProxies } from './proxies.js';

const through = (env: Record<string, string>, url: string) =>
  readProxies(env)?.proxyFor(new URL(url))?.href ?? null;

describe('readProxies', () => {
  it('finds the proxy of each kind of server', () => {
    const env = { HTTP_PROXY: 'http://plain:1', HTTPS_PROXY: 'safe:2' };
    expect(through(env, 'http://a.example/x')).toBe('http://plain:1/');
    expect(through(env, 'https://a.example/x')).toBe('http://safe:2/');
    expect(through({ ALL_PROXY: 'http://all:3' }, 'https://a.example/x')).toBe('http://all:3/');
    expect(through({ HTTPS_PROXY: 'http://safe:2' }, 'http://a.example/x')).toBeNull();
    expect(readProxies({ NO_PROXY: 'a' })).toBeNull();
    expect(readProxies({ HTTP_PROXY: '' })).toBeNull();
  });

  it('prefers small letters, and reads no capitals in a CGI process', () => {
    const env = { HTTP_PROXY: 'http://capital:1', http_proxy: 'http://small:1' };
    expect(through(env, 'http://a.example/')).toBe('http://small:1/');
    const { HTTP_PROXY } = env;
    expect(through({ HTTP_PROXY, REQUEST_METHOD: 'GET', ALL_PROXY: 'all:1' }, 'http://a/')).toBe(
      'http://all:1/',
    );
  });

  it.each([
    ['example.com', 'https://example.com/', true],
    ['example.com', 'https://cdn.example.com/', true],
    ['example.com', 'https://notexample.com/', false],
    ['.example.com', 'https://cdn.example.com/', true],
    ['.example.com', 'https://example.com/', false],
    ['*.example.com', 'https://cdn.example.com/', true],
    ['EXAMPLE.com', 'https://Example.COM/', true],
    ['other, example.com', 'https://example.com/', true],
    ['*', 'https://example.com/', true],
    ['example.com:8443', 'https://example.com:8443/', true],
    ['example.com:8443', 'https://example.com/', false],
    ['example.com:443', 'https://example.com/', true],
    ['127.0.0.1', 'http://127.0.0.1:8000/v1', true],
    ['localhost', 'http://localhost:8000/v1', true],
    ['::1', 'http://[::1]:8000/', true],
    ['[::1]', 'http://[::1]:8000/', true],
    ['10.0.0.1', 'http://110.0.0.1/', false],
    ['', 'https://example.com/', false],
  ])('with NO_PROXY=%s asks %s itself: %s', (exception, url, isDirect) => {
    const env = { ALL_PROXY: 'http://proxy:3128', NO_PROXY: exception };
    expect(through(env, url)).toBe(isDirect ? null : 'http://proxy:3128/');
  });

  it('refuses what is no HTTP proxy, without telling its password', () => {
    for (const HTTPS_PROXY of ['socks5://user:secret@proxy:1', 'http://user:secret@']) {
      expect(() => readProxies({ HTTPS_PROXY })).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID', where: 'HTTPS_PROXY' }),
      );
      expect(() => readProxies({ HTTPS_PROXY })).not.toThrow(/secret/);
    }
  });
});
