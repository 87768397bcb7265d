// An identity provider for the tests: oidc-provider over TLS, whose signing key can be rotated and
// whose token answers can be forged. `forge` is called with the tools to make an ID token, and what
// it answers is sent in place of oidc-provider's own.

import fs from 'node:fs';
import https from 'node:https';
import Provider from 'oidc-provider';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

export const CLIENT = { id: 'revkeep', secret: 'a-secret-that-both-sides-know-0123456789' };

export const PEOPLE = {
  alice: { email: 'alice@acme.example', name: 'Alice Example', groups: ['sales-ops', 'everyone'] },
  bob: { email: 'bob@acme.example', name: 'Bob Example', groups: ['everyone'] },
  carol: { email: 'carol@elsewhere.example', name: 'Carol Example', groups: [] },
  mara: { email: 'mara@acme.example', name: 'Not Mara', groups: ['sales-ops'] },
  dora: { email: 'dora@partner.example', name: 'Dora Keller', groups: ['everyone'] },
  root: { email: 'root@acme.example', name: 'Root', groups: ['super'] },
};

async function signingKey(kid) {
  const pair = await generateKeyPair('RS256', { extractable: true });
  return { kid, pair, jwk: { ...(await exportJWK(pair.privateKey)), kid, alg: 'RS256', use: 'sig' } };
}

function provider(issuer, redirect, key) {
  return new Provider(issuer, {
    clients: [{
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      redirect_uris: [`${redirect}/sso/oidc`],
      post_logout_redirect_uris: [`${redirect}/sign-in`],
    }],
    jwks: { keys: [key.jwk] },
    cookies: { keys: ['cookie-key'] },
    scopes: ['openid', 'email', 'profile', 'groups'],
    claims: { email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email_verified: true, ...PEOPLE[id] }),
    }),
  });
}

export async function startIdp(redirect) {
  const issuer = `https://localhost:${process.env.IDP_PORT}`;
  const idp = { issuer, forge: null, key: await signingKey('key-1'), tokens: 0 };
  let callback = provider(issuer, redirect, idp.key).callback();
  idp.rotate = async (kid) => {
    idp.key = await signingKey(kid);
    callback = provider(issuer, redirect, idp.key).callback();
  };
  /** An ID token as this provider would make it, except for what `changes` says. */
  idp.idToken = async (nonce, changes = {}, header = {}, key = idp.key.pair.privateKey) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer, aud: CLIENT.id, sub: 'bob', iat: now, exp: now + 300, nonce, ...PEOPLE.bob, ...changes,
    };
    for (const [name, value] of Object.entries(claims)) if (value === undefined) delete claims[name];
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: idp.key.kid, ...header }).sign(key);
  };
  const server = https.createServer({
    cert: fs.readFileSync(process.env.IDP_CERTIFICATE),
    key: fs.readFileSync(process.env.IDP_KEY),
  }, async (request, response) => {
    if (request.method === 'POST' && request.url === '/token') {
      idp.tokens += 1;
      if (idp.forge) {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ access_token: 'none', token_type: 'Bearer', id_token: await idp.forge() }));
        return;
      }
    }
    callback(request, response);
  });
  await new Promise((resolve) => server.listen(Number(process.env.IDP_PORT), '127.0.0.1', resolve));
  idp.stop = () => { server.closeAllConnections(); server.close(); };
  return idp;
}

/** What a person does in a browser at the provider; answers the query that comes back to Revkeep. */
export async function signInAt(authorizeUrl, login) {
  const jar = new Map();
  const call = async (url, form) => {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      redirect: 'manual',
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const at = pair.indexOf('=');
      jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  };
  let url = authorizeUrl;
  for (let steps = 0; steps < 20; steps += 1) {
    const answer = await call(url);
    if (answer.status >= 300 && answer.status < 400) {
      url = new URL(answer.headers.get('location'), url).href;
      if (url.startsWith(process.env.REVKEEP_URL)) return Object.fromEntries(new URL(url).searchParams);
      continue;
    }
    const page = await answer.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (!prompt) throw new Error(`${answer.status} ${page.slice(0, 2000)}`);
    const sent = await call(url, prompt === 'login' ? { prompt, login, password: 'x' } : { prompt });
    url = new URL(sent.headers.get('location'), url).href;
  }
  throw new Error('the provider did not send the browser back');
}
