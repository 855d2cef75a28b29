// A web server of our own on 127.0.0.1, with the faults of others.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import * as assert from 'uvu/assert';

import { HttpBytes, repeatedRequests } from '../../pipeline/data/http-bytes.ts';
import { blocks, openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { failure } from './reading.ts';

const FOREIGN = 'fixtures/data/foreign';
const CONTENT = Buffer.from(Uint8Array.from({ length: 700_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
const quick = { attempts: 3, backoffMs: 1, stallMs: 200 };

/** The range that is asked for. */
function rangeOf({ headers }: IncomingMessage, size: number): [begin: number, end: number] {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? assert.unreachable(`no range: ${headers.range}`) as never;
  return [Number(first), Math.min(Number(last) + 1, size)];
}

function begin(response: ServerResponse, from: number, to: number, size: number, headers: Record<string, string> = {}): void {
  response.writeHead(206, { 'content-range': `bytes ${from}-${to - 1}/${size}`, 'content-length': to - from, ...headers });
}

function sendRange(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const [from, to] = rangeOf(request, content.length);
  begin(response, from, to, content.length);
  response.end(content.subarray(from, to));
}

suite('data/http', test => {
  let server: Server, base: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  let requests = 0;
  test.before(async () => {
    server = createServer((request, response) => { requests++; answer(request, response); });
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve); });
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  test.before.each(() => { requests = 0; });
  test.after(() => { server.closeAllConnections(); server.close(); });

  const everything = async (): Promise<Buffer> => {
    const bytes = await HttpBytes.open(`${base}/content`, quick);
    assert.is(bytes.size, CONTENT.length);
    return Buffer.from(await bytes.from(0).upTo(CONTENT.length));
  };

  for (const file of ['plain.arrow', 'zstd.arrows', 'float32.npy', 'snappy.parquet', 'zstd-v2.parquet']) {
    test(`reads ${file} behind an address as it reads the file`, async () => {
      const content = await readFile(`${FOREIGN}/${file}`);
      answer = (request, response) => sendRange(request, response, content);
      const read = async (path: string) => {
        const all: string[] = [];
        for await (const { bytes } of blocks(await openSource(path), { size: 4 })) all.push(Buffer.from(bytes).toString('hex'));
        return all;
      };
      assert.equal(await read(`${base}/${file}`), await read(`${FOREIGN}/${file}`));
    });
  }

  test('reads small pieces in few requests, and what is passed over not at all', async () => {
    answer = (request, response) => sendRange(request, response, CONTENT);
    const reader = (await HttpBytes.open(`${base}/content`, quick)).from(0);
    for (let at = 0; at < 200_000; at += 1000) assert.equal(Buffer.from(await reader.upTo(1000)), CONTENT.subarray(at, at + 1000));
    assert.is(requests, 1);
    await reader.skip(400_000);
    assert.equal(Buffer.from(await reader.upTo(500)), CONTENT.subarray(600_000, 600_500));
    assert.is(requests, 2);
  });

  test('gives up on a server whose connections break off after a few bytes each', async () => {
    answer = (request, response) => {
      const [from, to] = rangeOf(request, CONTENT.length);
      begin(response, from, to, CONTENT.length);
      response.write(CONTENT.subarray(from, from + 10), () => setTimeout(() => request.socket.destroy(), 5));
    };
    assert.match((await failure(everything)).message, /the connection failed \(.+\), 3 times in a row$/);
    assert.is(requests, 3);
  });

  test('resumes where a connection was dropped', async () => {
    const begins: number[] = [];
    answer = (request, response) => {
      const [from, to] = rangeOf(request, CONTENT.length);
      begins.push(from);
      begin(response, from, to, CONTENT.length);
      response.write(CONTENT.subarray(from, Math.min(to, from + 100_000)), () => { if (to - from > 100_000) response.destroy(); else response.end(); });
    };
    assert.equal(await everything(), CONTENT);
    assert.ok(begins.length >= 7 && begins.every((at, i) => i === 0 || at > begins[i - 1]!), `requests began at ${begins.join(', ')}`);
  });

  test('resumes where a connection stalled', async () => {
    answer = (request, response) => {
      if (requests !== 2) return sendRange(request, response, CONTENT);
      const [from, to] = rangeOf(request, CONTENT.length);
      begin(response, from, to, CONTENT.length);
      response.write(CONTENT.subarray(from, from + 50));
    };
    assert.equal(await everything(), CONTENT);
    assert.is(requests, 3);
  });

  test('tries again where the server is busy, and gives up when it stays so', async () => {
    answer = (request, response) => requests < 3 ? response.writeHead(503).end() : sendRange(request, response, CONTENT);
    const before = repeatedRequests(new Set([`${base}/content`]));
    assert.equal(await everything(), CONTENT);
    assert.is(repeatedRequests(new Set([`${base}/content`, `${base}/other`])) - before, 2);
    assert.is(repeatedRequests(new Set([`${base}/other`])), 0, 'those of others do not count');
    answer = (_, response) => response.writeHead(503).end();
    assert.equal(await failure(everything), { code: 'file-unreadable', message: `cannot read ${base}/content: the server answers 503, 3 times in a row` });
  });

  const refusals: [name: string, answer: (request: IncomingMessage, response: ServerResponse) => void, message: RegExp][] = [
    ['ignores Range', (_, response) => response.writeHead(200).end(CONTENT), /the server ignores the range that is asked for and would send everything: download it first$/],
    ['has no such file', (_, response) => response.writeHead(404).end(), /the server answers 404$/],
    ['redirects in a loop', (_, response) => response.writeHead(302, { location: '/again' }).end(), /the server redirects more than 10 times$/],
    ['redirects to a file', (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(), /the server redirects to 'file:\/\/\/etc\/passwd', which is no http address$/],
    ['sends another range', (_, response) => { begin(response, 5, 10, 100); response.end('12345'); }, /bytes from 0 on were asked for, the server says that it sends 'bytes 5-9\/100'$/],
    ['sends nothing, ever', () => {}, /nothing came for 0.2 s, 3 times in a row$/],
    ['hangs up', request => request.socket.destroy(), /the connection failed \(.+\), 3 times in a row$/],
    ['changes the file', (request, response) => {
      const [from, to] = rangeOf(request, CONTENT.length);
      begin(response, from, to, CONTENT.length, { etag: `"${requests}"` });
      response.end(CONTENT.subarray(from, to));
    }, /it changed while it was read: 700000 bytes \("1"\) before, 700000 bytes \("2"\) now$/],
    ['changes the file and tells its time only', (request, response) => {
      const [from, to] = rangeOf(request, CONTENT.length);
      begin(response, from, to, CONTENT.length, { 'last-modified': `at ${requests}` });
      response.end(CONTENT.subarray(from, to));
    }, /it changed while it was read: 700000 bytes \(at 1\) before, 700000 bytes \(at 2\) now$/],
  ];
  for (const [name, faulty, message] of refusals) {
    test(`refuses a server that ${name}`, async () => {
      answer = faulty;
      const error = await failure(everything);
      assert.is(error.code, 'file-unreadable', error.message);
      assert.match(error.message, message);
    });
  }

  test('reads an Arrow stream from a server without ranges, once, from its beginning', async () => {
    const content = await readFile(`${FOREIGN}/zstd.arrows`), hashes: string[][] = [];
    answer = (request, response) => request.url === '/moved' ? response.writeHead(302, { location: '/stream' }).end() : response.writeHead(200).end(content);
    for (const path of [`${base}/moved`, `${FOREIGN}/zstd.arrows`]) {
      const source = await openSource(path), read: string[] = [];
      for await (const { bytes } of blocks(source, { size: 4 })) read.push(Buffer.from(bytes).toString('hex'));
      hashes.push(read);
    }
    assert.equal(hashes[0], hashes[1]);
    assert.is((await openSource(`${base}/moved`)).files, undefined, 'it cannot be read twice');
  });

  test('names a server without ranges whose stream breaks off, and one that sends something else', async () => {
    const content = await readFile(`${FOREIGN}/zstd.arrows`);
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, content.length - 200), () => setTimeout(() => request.socket.destroy(), 50));
    };
    const error = await failure(async () => {
      for await (const { index } of blocks(await openSource(`${base}/stream`), { size: 1000 })) assert.unreachable(`block ${index}`);
    });
    assert.is(error.code, 'file-unreadable');
    assert.match(error.message, /the connection failed \(.+\), and the server does not answer ranges, by which it could go on: download it first$/);
    answer = (_, response) => response.writeHead(200).end(CONTENT);
    assert.match((await failure(() => openSource(`${base}/content`))).message, /the server ignores the range that is asked for and would send everything: download it first$/);
  });

  for (const path of [...['plain.arrow', 'zstd.arrows', 'float32.npy', 'snappy.parquet'].map(name => `${FOREIGN}/${name}`), 'fixtures/data/images/images.tar']) {
    test(`refuses ${path} where it became another after it was opened`, async () => {
      const content = await readFile(path);
      let tag = '"a"';
      answer = (request, response) => {
        const [from, to] = rangeOf(request, content.length);
        begin(response, from, to, content.length, { etag: tag });
        response.end(content.subarray(from, to));
      };
      const source = await openSource(`${base}/data`);
      const readAll = async () => { for await (const _ of source.batches(() => true)); };
      await readAll();
      tag = '"b"';
      assert.equal(await failure(readAll), { code: 'data-invalid', message: `${base}/data changed after it was opened: ${content.length} bytes ("a") then, ${content.length} bytes ("b") now; start again when it stays as it is` });
    });
  }

  test('says that an empty file is empty', async () => {
    answer = (_, response) => response.writeHead(416, { 'content-range': 'bytes */0' }).end();
    assert.equal(await failure(everything), { code: 'data-invalid', message: `${base}/content is empty` });
  });

  test('says which addresses are read', async () => {
    assert.equal(await failure(() => openSource('s3://bucket/part-*.parquet')), { code: 'file-unreadable', message: 'cannot read s3://bucket/part-*.parquet: only addresses of http and https are read' });
  });

  test('follows a redirect', async () => {
    answer = (request, response) => request.url === '/content' ? response.writeHead(307, { location: '/elsewhere' }).end() : sendRange(request, response, CONTENT);
    assert.equal(await everything(), CONTENT);
  });

  test('opening ends when it is aborted, whatever the server does', async () => {
    answer = () => {};
    const controller = new AbortController(), reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 50);
    const open = () => openSource(`${base}/content`, { signal: controller.signal }).then(() => null, (thrown: unknown) => thrown);
    assert.is(await open(), reason);
    assert.is(requests, 1);
    assert.is(await open(), reason, 'aborted before it began');
    assert.is(requests, 1);
    answer = (_, response) => response.writeHead(404).end();
    server.closeAllConnections(); // so that the waiting ends that nobody waits for any more: it asks once again
    while (requests < 2) await new Promise(resolve => { setTimeout(resolve, 20); });
  });
});
