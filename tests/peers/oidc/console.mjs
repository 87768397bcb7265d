// The console's API as a browser uses it: a bearer token in memory, cookies in a jar of its own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

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

/** The first account: owner of its organisation, and super_admin. */
export async function claim() {
  const owner = new Browser();
  await owner.ok('POST', '/setup', {
    code: process.env.SETUP_CODE, organisation: 'Acme', name: 'Mara Lindqvist', ...OWNER,
  });
  return owner;
}

/** Rows as the schema's owner sees them, one text a row. */
export function rows(sql) {
  const out = execFileSync('psql', ['-X', '-q', '-A', '-t', process.env.OWNER_DSN, '-c', sql], { encoding: 'utf8' });
  return out.split('\n').filter(Boolean);
}
