// The console's API as a browser uses it: a bearer token in memory, cookies in a jar of its own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';

const base = `${process.env.REVKEEP_URL}/api/console/v1`;

export const OWNER = { email: 'mara@acme.example', password: 'A long sentence for day 1' };

export class Browser {
  token = null;
  jar = new Map();

  async call(method, path, body) {
    const headers = { 'x-revkeep': '1' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (this.jar.size) headers.cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (value === '') this.jar.delete(name);
      else this.jar.set(name, value);
    }
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : null };
  }

  async ok(method, path, body) {
    const answer = await this.call(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    if (answer.body?.access_token) this.token = answer.body.access_token;
    return answer.body;
  }

  async refused(status, code, method, path, body) {
    const answer = await this.call(method, path, body);
    assert.equal(`${answer.status} ${answer.body?.code}`, `${status} ${code}`, JSON.stringify(answer.body));
  }
}

/** An authenticator app (RFC 6238), which gives no code twice. */
class App {
  constructor(secret) {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
    this.key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
    this.last = Math.floor(Date.now() / 30_000) - 2;
  }

  code() {
    this.last += 1;
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(this.last));
    const mac = createHmac('sha1', this.key).update(counter).digest();
    const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, '0');
  }
}

let app;

/** The owner signs in by password and app. */
export async function signInByPassword(browser) {
  const asked = await browser.ok('POST', '/session', OWNER);
  assert.equal(asked.step, 'factor');
  return browser.ok('POST', '/session/factor', { totp: app.code() });
}

/** The first account: owner of its organisation, and super_admin. */
export async function claim() {
  const owner = new Browser();
  await owner.ok('POST', '/setup', {
    code: process.env.SETUP_CODE, organisation: 'Acme', name: 'Mara Lindqvist', ...OWNER,
  });
  const { secret } = await owner.ok('POST', '/me/factors/totp', {});
  app = new App(secret);
  await owner.ok('POST', '/me/factors/totp/confirm', { code: app.code() });
  return owner;
}

/** Rows as the schema's owner sees them, one text a row. */
export function rows(sql) {
  const out = execFileSync('psql', ['-X', '-q', '-A', '-t', process.env.OWNER_DSN, '-c', sql], { encoding: 'utf8' });
  return out.split('\n').filter(Boolean);
}
