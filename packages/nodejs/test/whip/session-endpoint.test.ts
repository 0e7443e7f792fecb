/** WHIP and WHEP as HTTP sees them, by tables of RFC 9725's rules. */

import { beforeEach, describe, expect, test } from 'vitest';
import { SessionRefusal } from '../../src/whip/session-refusal.ts';
import { SessionEndpoint } from '../../src/whip/session-endpoint.ts';
import type { SessionOpening, SessionRequest, SessionResponse } from '../../src/whip/session-endpoint.ts';
import { request } from './native-publisher.ts';

const SDP = { 'content-type': 'application/sdp' };
const FRAGMENT = { 'content-type': 'application/trickle-ice-sdpfrag' };
const ICE_SERVERS = [
  { urls: ['stun:stun.example.org:3478'] },
  { urls: ['turn:a.example.org', 'turns:b.example.org'], username: '1:abc', credential: 'pass+/=' },
];
const SECRET = 'username="1:abc"; credential="pass+/="; credential-type="password"';
const LINKS = [
  '<stun:stun.example.org:3478>; rel="ice-server"',
  `<turn:a.example.org>; rel="ice-server"; ${SECRET}`,
  `<turns:b.example.org>; rel="ice-server"; ${SECRET}`,
];
const CANDIDATE = 'candidate:1 1 udp 2113937151 192.0.2.1 4000 typ host';

let openings: SessionOpening[];
let candidates: string[];
let chosen: number[];
let ended: number;
let endpoint: SessionEndpoint;

beforeEach(() => {
  openings = [];
  candidates = [];
  chosen = [];
  ended = 0;
  endpoint = new SessionEndpoint({
    roles: {
      whip: { token: 'secret', open: (opening) => open(opening) },
      whep: {
        token: null,
        open: async (opening) => ({
          ...(await open(opening)),
          chooseLayer: (layer) => void chosen.push(layer),
        }),
      },
    },
  });
});

async function open(opening: SessionOpening) {
  if (opening.name === 'taken') throw new SessionRefusal(409, 'Taken.');
  if (opening.name === 'broken') throw new Error('a mistake');
  openings.push(opening);
  return {
    channel: 'channel',
    answer: 'v=0\r\n',
    usernameFragment: 'frag',
    addCandidate: (candidate: string) => void candidates.push(candidate),
    end: () => {
      ended += 1;
      opening.onClosed();
    },
  };
}

function ask(method: string, path: string, changes: Partial<SessionRequest> = {}): Promise<SessionResponse> {
  return endpoint.handle(request(method, path, { iceServers: ICE_SERVERS, ...changes }));
}

function post(path: string, headers: Record<string, string> = {}): Promise<SessionResponse> {
  const authorization = { authorization: 'Bearer secret' };
  return ask('POST', path, { headers: { ...authorization, ...SDP, ...headers }, body: Buffer.from('v=0') });
}

describe('making a session', () => {
  test('answers 201 with the answer, the address, the channel and the ways to an ICE server', async () => {
    const { status, headers, body } = await post('/whip/studio');
    expect({ status, body }).toEqual({ status: 201, body: 'v=0\r\n' });
    expect(headers).toMatchObject({
      'Content-Type': 'application/sdp',
      'Accept-Patch': 'application/trickle-ice-sdpfrag',
      'Casto-Channel': 'channel',
      'Access-Control-Allow-Origin': '*',
      Link: LINKS,
    });
    expect(headers['Location']).toMatch(/^\/whip\/studio\/[\w-]{24}$/);
    expect(headers['ETag']).toMatch(/^"[\w-]{24}"$/);
    for (const name of ['Location', 'ETag', 'Link', 'Casto-Channel']) {
      expect(headers['Access-Control-Expose-Headers']).toContain(name);
    }
    expect(openings).toMatchObject([{ name: 'studio', sdp: 'v=0', from: '127.0.0.1' }]);
  });

  test('gives every session an address of its own', async () => {
    const responses = await Promise.all(Array.from({ length: 20 }, () => post('/whep/studio')));
    expect(new Set(responses.map(({ headers }) => headers['Location'])).size).toBe(20);
    expect(endpoint.size).toBe(20);
  });

  const refusals: [string, number, () => Promise<SessionResponse>, Record<string, string>][] = [
    ['GET', 405, () => ask('GET', '/whip/a'), { Allow: 'OPTIONS, POST' }],
    ['HEAD', 405, () => ask('HEAD', '/whip/a'), {}],
    ['PUT', 405, () => ask('PUT', '/whep/a'), {}],
    ['DELETE of no session', 405, () => ask('DELETE', '/whip/a'), {}],
    ['PATCH of no session', 405, () => ask('PATCH', '/whip/a'), {}],
    [
      'no token',
      401,
      () => ask('POST', '/whip/a', { headers: SDP }),
      { 'WWW-Authenticate': 'Bearer realm="casto"' },
    ],
    [
      'a wrong token',
      401,
      () => post('/whip/a', { authorization: 'Bearer other' }),
      { 'WWW-Authenticate': 'Bearer realm="casto", error="invalid_token"' },
    ],
    ['another scheme', 401, () => post('/whip/a', { authorization: 'Basic secret' }), {}],
    ['no type', 415, () => post('/whip/a', { 'content-type': '' }), { 'Accept-Post': 'application/sdp' }],
    ['another type', 415, () => post('/whip/a', { 'content-type': 'application/json' }), {}],
    ['an answer that is not accepted', 406, () => post('/whip/a', { accept: 'text/html' }), {}],
    ['one that is expressly not', 406, () => post('/whip/a', { accept: 'application/sdp;q=0' }), {}],
    ['no name', 404, () => post('/whip/'), {}],
    ['a name with a space', 404, () => post('/whip/a b'), {}],
    ['a name of 65 letters', 404, () => post(`/whip/${'a'.repeat(65)}`), {}],
    ['more path', 404, () => post('/whip/a/b/c'), {}],
    ['something before the path', 404, () => post('x/whip/a'), {}],
    ['what the role refuses', 409, () => post('/whip/taken'), {}],
  ];
  test.each(refusals)('%s: %i', async (_, status, make, headers) => {
    const response = await make();
    expect(response).toMatchObject({ status, headers: { 'Access-Control-Allow-Origin': '*', ...headers } });
    expect(response.body).toMatch(/^[\x20-\x7e]+\n$/);
    expect(openings).toEqual([]);
  });

  test.each(['*/*', 'application/*', 'text/html, application/sdp;q=0.5', ''])(
    'accepts "%s"',
    async (accept) => {
      expect(await post('/whip/a', { accept })).toMatchObject({ status: 201 });
    },
  );

  test('takes parameters of the type', async () => {
    const type = 'Application/SDP; charset=utf-8';
    expect(await post('/whip/a', { 'content-type': type })).toMatchObject({ status: 201 });
  });

  test('rejects for a mistake of its own, so that the server can tell of it', async () => {
    await expect(post('/whip/broken')).rejects.toThrow('a mistake');
  });

  test('without a role there is nothing', async () => {
    endpoint = new SessionEndpoint({ roles: {} });
    expect(await post('/whep/a')).toMatchObject({ status: 404 });
  });
});

describe('OPTIONS', () => {
  test('lets pages of other origins make sessions', async () => {
    expect(await ask('OPTIONS', '/whip/a')).toMatchObject({
      status: 204,
      headers: {
        Allow: 'OPTIONS, POST',
        'Accept-Post': 'application/sdp',
        'Access-Control-Allow-Origin': '*',
        'Access-Control-Allow-Methods': 'OPTIONS, POST',
        'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
        Link: LINKS,
      },
    });
  });

  test('lets them end and change sessions', async () => {
    expect(await ask('OPTIONS', '/whip/a/b')).toMatchObject({
      status: 204,
      headers: { Allow: 'OPTIONS, PATCH, DELETE', 'Accept-Patch': 'application/trickle-ice-sdpfrag' },
    });
  });
});

describe('a session', () => {
  let location: string;
  let etag: string;

  beforeEach(async () => {
    const { headers } = await post('/whip/studio');
    location = String(headers['Location']);
    etag = String(headers['ETag']);
  });

  function patch(ifMatch: string | null, body: string, changes: Partial<SessionRequest> = {}) {
    const headers = { ...FRAGMENT, ...(ifMatch === null ? {} : { 'if-match': ifMatch }) };
    return ask('PATCH', location, { headers, body: Buffer.from(body), ...changes });
  }

  test('takes candidates', async () => {
    const body = `a=ice-ufrag:frag\r\na=ice-pwd:pwd\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=${CANDIDATE}\r\na=end-of-candidates\r\n`;
    const response = await patch(etag, body);
    expect(response).toMatchObject({ status: 204, body: '' });
    expect(response.headers['ETag']).toBeUndefined();
    expect(candidates).toEqual([CANDIDATE]);
  });

  test('of a player takes them without If-Match too', async () => {
    const { headers } = await post('/whep/studio');
    location = String(headers['Location']);
    expect(await patch(null, `a=${CANDIDATE}`)).toMatchObject({ status: 204 });
    expect(candidates).toEqual([CANDIDATE]);
  });

  const refusals: [string, number, () => Promise<SessionResponse>][] = [
    ['without If-Match', 428, () => patch(null, `a=${CANDIDATE}`)],
    ['of another ICE session', 412, () => patch('"other"', `a=${CANDIDATE}`)],
    ['that restarts ICE', 422, () => patch('*', 'a=ice-ufrag:new1\r\na=ice-pwd:new2')],
    ['of another fragment', 422, () => patch(etag, `a=ice-ufrag:new1\r\na=${CANDIDATE}`)],
    ['that is empty', 400, () => patch(etag, '')],
    ['that is garbage', 400, () => patch(etag, '\u0000')],
    ['that is no SDP', 400, () => patch(etag, '{"candidate":1}')],
    ['with two fragments', 400, () => patch(etag, 'a=ice-ufrag:frag\na=ice-ufrag:new1')],
    ['with too many lines', 400, () => patch(etag, 'a=x\n'.repeat(600))],
    ['of another type', 415, () => patch(etag, 'a=x', { headers: SDP })],
    ['with a wrong token', 401, () => patch(etag, 'a=x', { headers: { authorization: 'Bearer other' } })],
  ];
  test.each(refusals)('refuses a PATCH %s: %i', async (_, status, make) => {
    expect(await make()).toMatchObject({ status });
    expect(candidates).toEqual([]);
  });

  test.each(['GET', 'HEAD', 'POST', 'PUT'])('refuses %s: 405', async (method) => {
    expect(await ask(method, location)).toMatchObject({
      status: 405,
      headers: { Allow: 'OPTIONS, PATCH, DELETE' },
    });
  });

  test('ends when it is deleted, once', async () => {
    expect(await ask('DELETE', location)).toMatchObject({ status: 200 });
    expect(ended).toBe(1);
    expect(endpoint.size).toBe(0);
    expect(await ask('DELETE', location)).toMatchObject({ status: 404 });
    expect(await patch(etag, `a=${CANDIDATE}`)).toMatchObject({ status: 404 });
  });

  test('is not to be had under another name, role or number', async () => {
    const id = location.split('/')[3];
    for (const path of [`/whip/other/${id}`, `/whep/studio/${id}`, '/whip/studio/none']) {
      expect(await ask('DELETE', path)).toMatchObject({ status: 404 });
    }
    expect(ended).toBe(0);
  });

  test('that closed by itself can be deleted all the same, once, and nothing else', async () => {
    openings[0]?.onClosed();
    expect(endpoint.size).toBe(0);
    expect(await patch(etag, `a=${CANDIDATE}`)).toMatchObject({ status: 404 });
    expect(await ask('DELETE', location)).toMatchObject({ status: 200 });
    expect(await ask('DELETE', location)).toMatchObject({ status: 404 });
    expect(ended).toBe(1);
  });

  test('is forgotten when many others have closed since', async () => {
    openings[0]?.onClosed();
    for (let i = 0; i < 100; i++) {
      await post('/whip/studio');
      openings.at(-1)?.onClosed();
    }
    expect(await ask('DELETE', location)).toMatchObject({ status: 404 });
  });
});

describe('the choice of a layer', () => {
  const JSON_TYPE = { 'content-type': 'application/json' };
  let location: string;
  let links: string | string[] | undefined;

  beforeEach(async () => {
    const { headers } = await post('/whep/studio');
    location = String(headers['Location']);
    links = headers['Link'];
  });

  function choose(body: string, headers: Record<string, string> = JSON_TYPE, path = `${location}/layer`) {
    return ask('POST', path, { headers, body: Buffer.from(body) });
  }

  test('has an address that the answer names', () => {
    expect(links).toEqual([...LINKS, `<${location}/layer>; rel="urn:ietf:params:whep:ext:core:layer"`]);
  });

  test('is told to the session, by number, or left to the relay', async () => {
    for (const body of ['{"encodingId":"2"}', '{"mediaId":"1","encodingId":"0"}', '{}']) {
      expect(await choose(body)).toMatchObject({ status: 200 });
    }
    expect(chosen).toEqual([2, 0, 0]);
  });

  const refusals: [string, number, () => Promise<SessionResponse>][] = [
    ['no JSON', 400, () => choose('')],
    ['cut JSON', 400, () => choose('{"encodingId":')],
    ['null', 400, () => choose('null')],
    ['a list', 400, () => choose('["0"]')],
    ['a layer that no channel has', 422, () => choose('{"encodingId":"3"}')],
    ['a number', 422, () => choose('{"encodingId":1}')],
    ['what looks like a number', 422, () => choose('{"encodingId":" 1"}')],
    ['too much', 413, () => choose(`{"encodingId":"1","x":"${'x'.repeat(2_000)}"}`)],
    ['another type', 415, () => choose('{"encodingId":"1"}', SDP)],
    ['another session', 404, () => choose('{"encodingId":"1"}', JSON_TYPE, '/whep/studio/none/layer')],
    ['more path', 404, () => choose('{"encodingId":"1"}', JSON_TYPE, `${location}/layer/1`)],
    ['another method', 405, () => ask('GET', `${location}/layer`)],
  ];
  test.each(refusals)('%s: %i', async (_, status, make) => {
    expect(await make()).toMatchObject({ status });
    expect(chosen).toEqual([]);
  });

  test('is open to pages of other origins', async () => {
    expect(await ask('OPTIONS', `${location}/layer`)).toMatchObject({
      status: 204,
      headers: {
        'Access-Control-Allow-Methods': 'OPTIONS, POST',
        'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
        'Accept-Post': 'application/json',
      },
    });
  });

  test('is none of a publisher', async () => {
    const { headers } = await post('/whip/studio');
    expect(headers['Link']).toEqual(LINKS);
    const path = `${String(headers['Location'])}/layer`;
    expect(await choose('{"encodingId":"1"}', JSON_TYPE, path)).toMatchObject({ status: 404 });
  });
});
