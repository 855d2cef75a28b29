// Bytes behind http(s)://, read by range requests. A connection that drops or stalls is opened again where it ended.

import { setTimeout as sleep } from 'node:timers/promises';

import { QuantpipeError } from '../base/errors.ts';
import { joined, type ByteReader, type StoredBytes } from './byte-reader.ts';

export interface HttpOptions {
  /** Requests in a row that may bring next to nothing before it is given up. */
  readonly attempts: number;
  /** Pause after the first of them, in milliseconds; it doubles each time. */
  readonly backoffMs: number;
  /** Longest wait for the next bytes, in milliseconds. */
  readonly stallMs: number;
}

const DEFAULTS: HttpOptions = { attempts: 6, backoffMs: 500, stallMs: 30_000 };
/** Least bytes of one request: what is read in small pieces takes few of them. */
const WINDOW_BYTES = 1 << 18;
const MAX_REDIRECTS = 10;
/** A connection that breaks off after fewer bytes than these has brought nothing: at so few a time, nobody waits for the end. */
const LEAST_BROUGHT = 4096;
/** Statuses that another try may not meet: timeout, too early, too many requests; and all from 500 on. */
const PASSING_STATUSES = [408, 425, 429];

/** Whether data is named by the address of a web server. */
export function isAddress(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

/** Requests that broke off and were made again, by address, since the process began: the readers that made them come and go. */
const repeated = new Map<string, number>();

/** How many requests for what lies behind these addresses had to be made again so far. */
export function repeatedRequests(addresses: ReadonlySet<string>): number {
  let sum = 0;
  for (const [address, count] of repeated) if (addresses.has(address)) sum += count; // few broke off, and files may be a million
  return sum;
}

/** What may be gone at the next try. */
class PassingFault extends Error {}

/** The server sends everything or nothing. */
export class NoRanges extends QuantpipeError {}

/** What lies behind an address, which must not change while it is read. */
export class HttpBytes implements StoredBytes {
  readonly name: string;
  readonly #options: HttpOptions;
  #size: number | null = null;
  #tag: string | null = null;
  /** The bytes it begins with, which every reader needs. */
  #start: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  private constructor(address: string, options: HttpOptions) {
    this.name = address;
    this.#options = options;
  }

  /** @throws file-unreadable with what the server said, or that it does not answer ranges */
  static async open(address: string, options: Partial<HttpOptions> = {}): Promise<HttpBytes> {
    const bytes = new HttpBytes(address, { ...DEFAULTS, ...options });
    bytes.#start = await bytes.#range(0, WINDOW_BYTES);
    return bytes;
  }

  get size(): number {
    return this.#size ?? 0;
  }

  get version(): string {
    return described(this.size, this.#tag);
  }

  /** Everything from the start on, once. What breaks off cannot be asked for again. */
  static async *stream(address: string, options: Partial<HttpOptions> = {}): AsyncGenerator<Uint8Array> {
    const bytes = new HttpBytes(address, { ...DEFAULTS, ...options }), aborter = new AbortController();
    try {
      const { status, body } = await bytes.#follow({}, aborter.signal, waiting => bytes.#watched(waiting, aborter));
      if (status !== 200) throw bytes.#unreadable(`the server answers ${status}`);
      for (const reader = body!.getReader(); ;) {
        const { done, value } = await bytes.#watched(reader.read(), aborter);
        if (done) return;
        yield value;
      }
    } catch (cause) {
      if (cause instanceof QuantpipeError) throw cause;
      throw bytes.#unreadable(`${connectionFault(cause as Error)}, and the server does not answer ranges, by which it could go on: download it first`, cause);
    } finally {
      aborter.abort();
    }
  }

  from(position: number): ByteReader {
    const { name, size } = this;
    let window: Uint8Array<ArrayBuffer> = this.#start, windowAt = 0;
    const upTo = async (count: number): Promise<Uint8Array<ArrayBuffer>> => {
      const begin = position, end = Math.min(begin + count, size);
      const isHeld = (at: number) => at >= windowAt && at < windowAt + window.length;
      const held = isHeld(begin) ? window.slice(begin - windowAt, end - windowAt) : new Uint8Array(0);
      position = Math.max(begin, end);
      if (held.length >= end - begin) return held;
      const from = begin + held.length;
      const fetched = await this.#range(from, Math.max(end, Math.min(from + WINDOW_BYTES, size)));
      const isKept = fetched.length <= 2 * WINDOW_BYTES;
      if (isKept) [window, windowAt] = [fetched, from];
      return held.length === 0 && !isKept && fetched.length === end - from ? fetched : joined([held, fetched.subarray(0, end - from)]);
    };
    return {
      name,
      get position() { return position; },
      get left() { return size - position; },
      upTo,
      async skip(count) {
        const passed = Math.min(count, size - position);
        position += passed;
        return passed;
      },
    };
  }

  async close(): Promise<void> {} // no connection is kept

  /** The bytes `begin` to `end` (exclusive), or to the end of all; more requests where one brings only some of them. */
  async #range(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    let at = begin, asked = begin;
    for (let attempt = 1; at < Math.min(end, this.#size ?? end); attempt++) {
      try {
        for await (const piece of this.#request(at, Math.min(end, this.#size ?? end))) {
          pieces.push(piece);
          at += piece.length;
        }
      } catch (cause) {
        if (!(cause instanceof PassingFault)) throw cause;
        if (at - asked >= LEAST_BROUGHT) [asked, attempt] = [at, 0];
        if (attempt >= this.#options.attempts) throw this.#unreadable(`${cause.message}, ${attempt} times in a row`, cause);
        repeated.set(this.name, (repeated.get(this.name) ?? 0) + 1);
        await sleep(this.#options.backoffMs * 2 ** Math.max(0, attempt - 1));
      }
    }
    return joined(pieces);
  }

  async *#request(begin: number, end: number): AsyncGenerator<Uint8Array> {
    const aborter = new AbortController();
    const watched = <T>(waiting: Promise<T>): Promise<T> => this.#watched(waiting, aborter);
    try {
      const response = await this.#follow({ range: `bytes=${begin}-${end - 1}` }, aborter.signal, watched);
      this.#check(response, begin);
      if (response.body === null) throw new PassingFault('the server sent nothing');
      const reader = response.body.getReader();
      for (let left = Math.min(end, this.size) - begin; left > 0;) {
        const { done, value } = await watched(reader.read());
        if (done) throw new PassingFault(`the connection ended ${left} bytes early`);
        const piece = value.subarray(0, left);
        left -= piece.length;
        if (piece.length > 0) yield piece;
      }
    } catch (cause) {
      if (cause instanceof QuantpipeError || cause instanceof PassingFault) throw cause;
      throw new PassingFault(connectionFault(cause as Error), { cause });
    } finally {
      aborter.abort();
    }
  }

  async #follow(range: { readonly range?: string }, signal: AbortSignal, watched: <T>(waiting: Promise<T>) => Promise<T>): Promise<Response> {
    let address = this.name;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const headers = { ...range, 'accept-encoding': 'identity' };
      const response = await watched(fetch(address, { headers, signal, redirect: 'manual' }));
      const target = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
      if (target === null) return response;
      await response.body?.cancel();
      if (!URL.canParse(target, address) || !isAddress(new URL(target, address).href)) throw this.#unreadable(`the server redirects to '${target}', which is no http address`);
      address = new URL(target, address).href;
    }
    throw this.#unreadable(`the server redirects more than ${MAX_REDIRECTS} times`);
  }

  #check({ status, headers }: Response, begin: number): void {
    if (status === 416 && /\*\/0$/.test(headers.get('content-range') ?? '')) throw new QuantpipeError('data-invalid', `${this.name} is empty`, { file: this.name });
    if (status >= 500 || PASSING_STATUSES.includes(status)) throw new PassingFault(`the server answers ${status}`);
    if (status === 200) throw new NoRanges('file-unreadable', `cannot read ${this.name}: the server ignores the range that is asked for and would send everything: download it first`, { file: this.name });
    if (status !== 206) throw this.#unreadable(`the server answers ${status}`);
    const [, first, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
    if (Number(first) !== begin || size === undefined) {
      throw this.#unreadable(`bytes from ${begin} on were asked for, the server says that it sends '${headers.get('content-range') ?? 'no range'}'`);
    }
    const tag = headers.get('etag') ?? headers.get('last-modified');
    if (this.#size === null) [this.#size, this.#tag] = [Number(size), tag];
    if (this.#size !== Number(size) || this.#tag !== tag) throw this.#unreadable(`it changed while it was read: ${this.version} before, ${described(Number(size), tag)} now`);
  }

  async #watched<T>(waiting: Promise<T>, aborter: AbortController): Promise<T> {
    const { stallMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new PassingFault(`nothing came for ${stallMs / 1000} s`));
        aborter.abort();
      }, stallMs);
    });
    waiting.catch(() => {}); // where it lost the race
    try {
      return await Promise.race([waiting, stalled]);
    } finally {
      clearTimeout(timer);
    }
  }

  #unreadable(fact: string, cause?: unknown): QuantpipeError {
    return new QuantpipeError('file-unreadable', `cannot read ${this.name}: ${fact}`, { file: this.name }, { cause });
  }
}

function connectionFault(error: Error): string {
  if (error instanceof PassingFault) return error.message;
  return `the connection failed (${error.cause instanceof Error && error.cause.message ? error.cause.message : error.message})`;
}

function described(size: number, tag: string | null): string {
  return `${size} bytes (${tag ?? 'no tag'})`;
}
