// A SAML identity provider for the tests: samlp, as published, over TLS. Its signing key can be rotated, and
// what it says can be bent by `idp.bend`, which changes samlp's own options for the next answers.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import samlp from 'samlp';

export const GROUPS = 'http://schemas.passportjs.com/groups';

const PEOPLE = {
  alice: { email: 'alice@acme.example', name: 'Alice Example', groups: ['sales-ops', 'everyone'] },
  bob: { email: 'bob@acme.example', name: 'Bob Example', groups: ['everyone'] },
  mara: { email: 'mara@acme.example', name: 'Not Mara', groups: ['sales-ops'] },
};

function person(login) {
  const { email, name, groups } = PEOPLE[login];
  return {
    id: `${login}-0001`,
    emails: [{ value: email }],
    displayName: name,
    name: { givenName: name.split(' ')[0], familyName: name.split(' ')[1] },
    groups,
  };
}

/** A key with a certificate of its own. */
export function signingKey(kind = ['rsa:2048']) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'saml-'));
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', key, '-out', cert,
    '-days', '30', '-subj', '/CN=idp.example'], { stdio: 'ignore' });
  const pair = { key: fs.readFileSync(key, 'utf8'), cert: fs.readFileSync(cert, 'utf8') };
  fs.rmSync(folder, { recursive: true });
  return pair;
}

export async function startIdp() {
  const base = `https://localhost:${process.env.IDP_PORT}`;
  const idp = { entity: `${base}/entity`, base, pair: signingKey(), bend: {}, acs: null, login: 'alice', outs: [] };
  const dressed = (answer) => {
    answer.set = (name, value) => answer.setHeader(name, value);
    answer.send = (body) => { if (typeof body === 'number') answer.statusCode = body; answer.end(String(body)); };
    return answer;
  };
  const server = https.createServer({
    cert: fs.readFileSync(process.env.IDP_CERTIFICATE),
    key: fs.readFileSync(process.env.IDP_KEY),
  }, (request, answer) => {
    const url = new URL(request.url, base);
    request.query = Object.fromEntries(url.searchParams);
    request.originalUrl = request.url;
    request.protocol = 'https';
    dressed(answer);
    const failed = (error) => { answer.statusCode = 500; answer.end(String(error)); };
    if (url.pathname === '/metadata') {
      samlp.metadata({ issuer: idp.entity, cert: idp.pair.cert, redirectEndpointPath: '/in', postEndpointPath: '/in',
        logoutEndpointPaths: { redirect: '/out' } })(request, answer);
    } else if (url.pathname === '/in') {
      samlp.auth({
        issuer: idp.entity, ...idp.pair, signResponse: false, lifetimeInSeconds: 300,
        getPostURL: (audience, _dom, _request, done) => {
          idp.audience = audience;
          done(null, idp.acs);
        },
        recipient: idp.acs, destination: idp.acs,
        getUserFromRequest: () => person(idp.login),
        ...idp.bend,
      })(request, answer, failed);
    } else if (url.pathname === '/out') {
      idp.outs.push(request.query.SAMLRequest);
      answer.end('signed out');
    } else {
      answer.statusCode = 404;
      answer.end();
    }
  });
  await new Promise((resolve) => server.listen(Number(process.env.IDP_PORT), '127.0.0.1', resolve));
  idp.metadata = async () => (await fetch(`${base}/metadata`)).text();
  idp.stop = () => { server.closeAllConnections(); server.close(); };
  /** What a person's browser gets at the provider: a form for Revkeep. */
  idp.formFor = async (authorizeUrl, login) => {
    idp.login = login;
    const answer = await fetch(authorizeUrl);
    const page = await answer.text();
    const field = (name) => new RegExp(`name="${name}"\\s+value="([^"]*)"`).exec(page)?.[1].replaceAll('&#43;', '+');
    if (!field('SAMLResponse')) throw new Error(`${answer.status} ${page.slice(0, 2000)}`);
    return { action: /action="([^"]+)"/.exec(page)[1], SAMLResponse: field('SAMLResponse'), RelayState: field('RelayState') };
  };
  return idp;
}

/** The browser posts the form, without any cookie of Revkeep's; answers what stands in the next page's fragment. */
export async function post({ action, ...fields }) {
  const answer = await fetch(action, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { origin: 'https://idp.example', 'sec-fetch-site': 'cross-site' },
    redirect: 'manual',
  });
  if (answer.status !== 303) throw new Error(`${answer.status} ${await answer.text()}`);
  const [page, fragment] = answer.headers.get('location').split('#');
  if (page !== `${process.env.REVKEEP_URL}/sso/saml`) throw new Error(page);
  return fragment;
}

export const decode = (text) => Buffer.from(text, 'base64').toString();
export const encode = (text) => Buffer.from(text).toString('base64');
