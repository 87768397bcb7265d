// oidc-provider, as published, signs people in to the real daemon; then what an attacker would send.
// The tests follow each other: each begins where the one before ended.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SignJWT, exportSPKI, generateKeyPair } from 'jose';
import { Browser, claim, rows, signInByPassword } from './console.mjs';
import { CLIENT, signInAt, startIdp } from './idp.mjs';

let idp;
let owner;
let provider;

before(async () => {
  idp = await startIdp(process.env.REVKEEP_URL);
  owner = await claim();
});
after(() => idp?.stop());

async function begin(browser) {
  const { authorize_url: url } = await browser.ok('POST', '/sso/start', { provider: provider.id });
  return { url, query: new URL(url).searchParams };
}

async function signIn(login) {
  const browser = new Browser();
  const { url } = await begin(browser);
  const back = await signInAt(url, login);
  return { browser, back, answer: await browser.call('POST', '/sso/oidc/complete', back) };
}

/** A sign-in whose ID token is what `make` answers for the nonce. */
async function forged(make) {
  const browser = new Browser();
  const { query } = await begin(browser);
  idp.forge = () => make(query.get('nonce'));
  try {
    return await browser.call('POST', '/sso/oidc/complete', {
      code: 'any', state: query.get('state'), iss: idp.issuer,
    });
  } finally {
    idp.forge = null;
  }
}

test('an administrator sets the provider up, and tests it', async () => {
  const form = {
    kind: 'oidc', name: 'Acme login', enabled: true, issuer: idp.issuer, client_id: CLIENT.id,
    client_secret: CLIENT.secret, scopes: ['email', 'profile', 'groups'], create_members: true,
    role_map: [{ group: 'sales-ops', roles: ['admin'] }, { group: 'super', roles: ['reviewer'] }],
  };
  const mapped = { ...form, role_map: [{ group: 'super', roles: ['super_admin'] }] };
  await owner.refused(400, 'role_map_invalid', 'POST', '/sso/providers', mapped);
  provider = await owner.ok('POST', '/sso/providers', form);
  assert.equal(provider.redirect_uri, `${process.env.REVKEEP_URL}/sso/oidc`);
  assert.ok(!JSON.stringify(provider).includes(CLIENT.secret));
  const probe = await owner.ok('POST', `/sso/providers/${provider.id}/test`);
  assert.deepEqual([probe.issuer, probe.keys, probe.logout], [idp.issuer, 1, true]);
});

test('a mail domain leads to the provider once a super_admin has verified it', async () => {
  const nobody = new Browser();
  const discover = (email) => nobody.ok('POST', '/sign-in/discover', { email });
  await owner.ok('POST', '/sso/domains', { domain: 'Acme.example', provider: provider.id });
  const unknown = { sso: false, provider: null, name: null, kind: null, only: false };
  assert.deepEqual(await discover('alice@acme.example'), unknown);
  const waiting = await owner.ok('GET', '/platform/sso/domains');
  assert.equal(waiting.items[0].domain, 'acme.example');
  await owner.ok('POST', '/platform/sso/domains/verify', { tenant: waiting.items[0].tenant, domain: 'acme.example' });
  assert.deepEqual(await discover('nobody-at-all@acme.example'), { sso: true, provider: provider.id, name: 'Acme login', kind: 'oidc', only: false });
  assert.deepEqual(await discover('alice@elsewhere.example'), unknown);
  assert.deepEqual(await discover('no address'), unknown);
});

test('a person signs in with PKCE, state and nonce, and becomes a member with the groups\' roles', async () => {
  const browser = new Browser();
  const { url, query } = await begin(browser);
  assert.equal(query.get('code_challenge_method'), 'S256');
  assert.equal(query.get('response_type'), 'code');
  assert.ok(query.get('state').length >= 43 && query.get('nonce').length >= 43);
  const session = await browser.ok('POST', '/sso/oidc/complete', await signInAt(url, 'alice'));
  assert.deepEqual([session.user.email, session.user.name, session.roles, session.owner],
    ['alice@acme.example', 'Alice Example', ['admin'], false]);
  assert.equal((await browser.ok('GET', '/session')).user.id, session.user.id);
  assert.deepEqual(session.sso, { id: provider.id, name: 'Acme login' });
  const members = (await owner.ok('GET', '/members')).items.map((member) => [member.name, member.sso]);
  assert.deepEqual(members, [['Alice Example', true], ['Mara Lindqvist', false]]);
  assert.deepEqual(rows(`SELECT action FROM audit_log WHERE actor_id = '${session.user.id}' ORDER BY 1`), ['identity_link', 'member_create', 'sign_in', 'user_create']);
  const again = await signIn('alice');
  assert.equal(again.answer.body.user.id, session.user.id, 'the same account');
  assert.deepEqual(rows("SELECT password_hash IS NULL AND home_tenant_id IS NOT NULL FROM users WHERE name = 'Alice Example'"), ['t']);
});

test('somebody whose domain is nobody\'s gets an account that no address leads to', async () => {
  const { answer } = await signIn('carol');
  assert.deepEqual([answer.status, answer.body.roles], [200, ['member']]);
  await owner.refused(401, 'invalid_credentials', 'POST', '/session', { email: 'carol@elsewhere.example', password: 'A long sentence for day 1' });
});

test('a provider never signs in a super_admin, and no group makes one', async () => {
  const mara = await signIn('mara');
  assert.equal(`${mara.answer.status} ${mara.answer.body.code}`, '403 sso_account_closed');
  const root = await signIn('root');
  assert.deepEqual(root.answer.body.roles, ['reviewer']);
});

test('a code is redeemed once, and only in the browser that began', async () => {
  const { browser, back } = await signIn('bob');
  await browser.refused(401, 'sso_flow_void', 'POST', '/sso/oidc/complete', back);

  // The attacker signs in at the provider, and has the victim's browser finish.
  const attacker = new Browser();
  const { url } = await begin(attacker);
  const code = await signInAt(url, 'bob');
  const asked = idp.tokens;
  const victim = new Browser();
  await victim.refused(401, 'sso_flow_void', 'POST', '/sso/oidc/complete', code);
  await attacker.refused(401, 'sso_flow_void', 'POST', '/sso/oidc/complete', code);
  const other = new Browser();
  await begin(other);
  const second = await begin(attacker);
  const another = await signInAt(second.url, 'bob');
  await other.refused(401, 'sso_flow_void', 'POST', '/sso/oidc/complete', another);
  assert.equal(idp.tokens, asked, 'no code was redeemed');
});

test('a state that is unknown, and a refusal at the provider, sign nobody in', async () => {
  const browser = new Browser();
  const { query } = await begin(browser);
  await browser.refused(401, 'sso_flow_void', 'POST', '/sso/oidc/complete', { code: 'x', state: 'x'.repeat(43), iss: idp.issuer });
  await browser.refused(401, 'sso_refused', 'POST', '/sso/oidc/complete', { error: 'access_denied', state: query.get('state'), iss: idp.issuer });
});

test('a flow older than ten minutes is void', async () => {
  const browser = new Browser();
  const { url } = await begin(browser);
  const back = await signInAt(url, 'bob');
  rows("UPDATE sso_flows SET created_at = now() - interval '11 minutes', expires_at = now() - interval '1 minute'");
  await browser.refused(401, 'sso_flow_void', 'POST', '/sso/oidc/complete', back);
});

test('an answer of another issuer, or of none, is not redeemed (RFC 9207)', async () => {
  for (const iss of ['https://evil.example', undefined]) {
    const browser = new Browser();
    const { url } = await begin(browser);
    const asked = idp.tokens;
    await browser.refused(401, 'sso_token_refused', 'POST', '/sso/oidc/complete', { ...(await signInAt(url, 'bob')), iss });
    assert.equal(idp.tokens, asked);
  }
});

test('the provider rotates its key, and people sign in without a pause', async () => {
  await idp.rotate('key-2');
  const { answer } = await signIn('bob');
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
});

test('an ID token that proves nothing is refused, and a good one made the same way is not', async () => {
  const good = await forged((nonce) => idp.idToken(nonce));
  assert.equal(good.status, 200, JSON.stringify(good.body));
  const now = Math.floor(Date.now() / 1000);
  const stranger = await generateKeyPair('RS256');
  const publicKey = new TextEncoder().encode(await exportSPKI(idp.key.pair.publicKey));
  const secret = new TextEncoder().encode(CLIENT.secret);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = (nonce) => ({ iss: idp.issuer, aud: CLIENT.id, sub: 'bob', iat: now, exp: now + 300, nonce, email: 'bob@acme.example' });
  const bad = {
    'another audience': (nonce) => idp.idToken(nonce, { aud: 'another-client' }),
    'two audiences': (nonce) => idp.idToken(nonce, { aud: [CLIENT.id, 'another-client'] }),
    'another issuer': (nonce) => idp.idToken(nonce, { iss: 'https://evil.example' }),
    expired: (nonce) => idp.idToken(nonce, { iat: now - 600, exp: now - 1 }),
    'issued in the future': (nonce) => idp.idToken(nonce, { iat: now + 3600, exp: now + 7200 }),
    'another nonce': () => idp.idToken('another-nonce'),
    'no nonce': () => idp.idToken(undefined),
    'alg none': async (nonce) => `${part({ alg: 'none' })}.${part(claims(nonce))}.`,
    'alg none with the key id': async (nonce) => `${part({ alg: 'none', kid: idp.key.kid })}.${part(claims(nonce))}.`,
    'HS256 by the client secret': (nonce) => new SignJWT(claims(nonce)).setProtectedHeader({ alg: 'HS256' }).sign(secret),
    'HS256 by the public key': (nonce) => new SignJWT(claims(nonce)).setProtectedHeader({ alg: 'HS256', kid: idp.key.kid }).sign(publicKey),
    'a stranger\'s key under a known id': (nonce) => idp.idToken(nonce, {}, {}, stranger.privateKey),
    'a stranger\'s key': (nonce) => idp.idToken(nonce, {}, { kid: 'stranger' }, stranger.privateKey),
    'a body exchanged under a good signature': async (nonce) => {
      const [header, , signature] = (await idp.idToken(nonce)).split('.');
      return [header, part({ ...claims(nonce), sub: 'alice', email: 'alice@acme.example' }), signature].join('.');
    },
    noise: async () => 'a.b.c',
  };
  for (const [name, make] of Object.entries(bad)) {
    const answer = await forged(make);
    assert.equal(`${answer.status} ${answer.body?.code}`, '401 sso_token_refused', name);
  }
});

test('whoever leaves a group loses its role at the next sign-in', async () => {
  const demoted = await forged((nonce) => idp.idToken(nonce, { sub: 'alice', email: 'alice@acme.example', groups: ['everyone'] }));
  assert.deepEqual(demoted.body.roles, ['member']);
});

test('signing out tells where the provider\'s session ends', async () => {
  const { browser, answer } = await signIn('alice');
  browser.token = answer.body.access_token;
  const { logout_url: url } = await browser.ok('POST', '/sso/sign-out');
  assert.equal((await fetch(url)).status, 200, url);
  assert.equal((await browser.call('GET', '/session')).status, 401);
});

test('an account of another tenant is out of the provider\'s reach, whatever its address', async () => {
  // Mara, whose address is in the verified domain, as a plain person of another organisation.
  rows(`INSERT INTO tenants (tenant_id, name) VALUES ('00000000-0000-7000-8000-00000000000b', 'Other');
    UPDATE memberships SET tenant_id = '00000000-0000-7000-8000-00000000000b' WHERE owner;
    UPDATE users SET super_admin = false WHERE name = 'Mara Lindqvist'`);
  const { answer } = await signIn('mara');
  const [mara] = rows("SELECT user_id FROM users WHERE name = 'Mara Lindqvist'");
  const [acme] = rows("SELECT tenant_id FROM sso_providers");
  rows(`UPDATE memberships SET tenant_id = '${acme}' WHERE owner;
    UPDATE users SET super_admin = true WHERE name = 'Mara Lindqvist'`);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.user.name, 'Not Mara');
  assert.notEqual(answer.body.user.id, `user_${mara.replaceAll('-', '')}`);
  assert.deepEqual(answer.body.tenants.map((tenant) => tenant.name), ['Acme']);
});

test('single sign-on alone: the owner breaks the glass, loudly', async () => {
  await owner.ok('PUT', '/sso/settings', { only: true });
  const glass = new Browser();
  await signInByPassword(glass);
  assert.deepEqual(rows("SELECT count(*) FROM audit_log WHERE action = 'break_glass'"), ['1']);
  const last = await owner.call('DELETE', `/sso/providers/${provider.id}`);
  assert.equal(`${last.status} ${last.body.code}`, '409 sso_no_provider');
  await owner.ok('PUT', '/sso/settings', { only: false });
});

test('a provider that is switched off ends its sessions and begins no more', async () => {
  const { browser, answer } = await signIn('bob');
  browser.token = answer.body.access_token;
  const { id, has_secret, domains, redirect_uri, created_at, updated_at, ...form } = provider;
  await owner.ok('PUT', `/sso/providers/${id}`, { ...form, enabled: false });
  assert.equal((await browser.call('GET', '/session')).status, 401);
  await browser.refused(404, 'provider_not_found', 'POST', '/sso/start', { provider: id });
});

// From here on the same provider is the appliance's, and the organisation's own stays off.
test('the appliance\'s provider opens an organisation once that allows it, for the people whom it has', async () => {
  const form = {
    kind: 'oidc', name: 'Group login', enabled: true, issuer: idp.issuer, client_id: CLIENT.id,
    client_secret: CLIENT.secret, scopes: ['email', 'profile', 'groups'], create_members: false, role_map: [],
  };
  await owner.refused(400, 'appliance_maps_nothing', 'POST', '/platform/sso/providers', { ...form, create_members: true });
  provider = await owner.ok('POST', '/platform/sso/providers', form);
  assert.equal((await owner.ok('POST', `/platform/sso/providers/${provider.id}/test`)).keys, 1);
  assert.ok((await owner.ok('GET', '/sso/providers')).items.every((own) => own.id !== provider.id));
  const named = { domain: 'acme.example', provider: provider.id };
  await owner.refused(409, 'already_exists', 'POST', '/platform/sso/domains', named);
  await owner.ok('DELETE', '/sso/domains/acme.example');
  assert.equal((await owner.ok('POST', '/platform/sso/domains', named)).verified, true);
  assert.equal((await owner.ok('POST', '/sign-in/discover', { email: 'x@acme.example' })).provider, provider.id);

  const closed = await signIn('bob');
  assert.equal(`${closed.answer.status} ${closed.answer.body.code}`, '403 sso_not_open');
  assert.deepEqual(await owner.ok('PUT', '/sso/appliance', { allowed: true }),
    { providers: [{ id: provider.id, kind: 'oidc', name: 'Group login' }], allowed: true, opens: true });
  const { answer } = await signIn('bob');
  assert.deepEqual([answer.status, answer.body.sso, answer.body.roles], [200, { id: provider.id, name: 'Group login' }, ['member']]);
  const stranger = await signIn('dora');
  assert.equal(`${stranger.answer.status} ${stranger.answer.body.code}`, '403 sso_not_linked');
});

test('a super_admin is let in by an identity that they proved and confirmed, and by no address', async () => {
  const told = await signIn('mara');
  assert.equal(`${told.answer.status} ${told.answer.body.code}`, '403 sso_not_linked');
  const { authorize_url: url } = await owner.ok('POST', '/platform/sso/links', { provider: provider.id });
  const { link } = await owner.ok('POST', '/sso/oidc/complete', await signInAt(url, 'mara'));
  assert.deepEqual(link, { provider: provider.id, provider_name: 'Group login', issuer: idp.issuer, subject: 'mara', email: 'mara@acme.example' });
  assert.equal((await signIn('mara')).answer.body.code, 'sso_not_linked', 'not confirmed yet');
  await owner.refused(409, 'sso_link_void', 'POST', '/platform/sso/links/confirm', { provider: provider.id, subject: 'bob' });
  await owner.ok('POST', '/platform/sso/links/confirm', { provider: provider.id, subject: 'mara' });
  const { browser, answer } = await signIn('mara');
  assert.ok(answer.body.roles.includes('super_admin'), JSON.stringify(answer.body));
  browser.token = answer.body.access_token;
  assert.equal((await browser.ok('GET', '/session')).sso.name, 'Group login');
  await browser.refused(403, 'fresh_factor_required', 'GET', '/platform/tenants');
});

test('switched off, the appliance\'s provider ends what it opened', async () => {
  const { browser, answer } = await signIn('bob');
  browser.token = answer.body.access_token;
  await browser.ok('GET', '/session');
  const { id, has_secret, domains, redirect_uri, created_at, updated_at, ...form } = provider;
  await owner.ok('PUT', `/platform/sso/providers/${id}`, { ...form, enabled: false });
  assert.equal((await browser.call('GET', '/session')).status, 401);
});

test('nothing of a secret or a person stands in the database in the clear', () => {
  const found = rows("SELECT count(*) FROM sso_providers WHERE client_secret_sealed IS NULL OR position('a-secret'::bytea in client_secret_sealed) > 0");
  assert.deepEqual(found, ['0']);
  assert.deepEqual(rows("SELECT count(*) FROM sso_identities WHERE subject LIKE '%@%'"), ['0']);
});
