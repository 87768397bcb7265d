// samlp, as published, signs people in to the real daemon; then what an attacker would send. The tests
// follow each other: each begins where the one before ended.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { Browser, claim, rows } from '../oidc/console.mjs';
import { GROUPS, decode, encode, post, signingKey, startIdp } from './idp.mjs';

let idp;
let owner;
let provider;

before(async () => {
  idp = await startIdp();
  owner = await claim();
});
after(() => idp?.stop());

const settings = async (more = {}) => ({
  kind: 'saml', name: 'Acme login', enabled: true, create_members: true, groups_claim: GROUPS,
  role_map: [{ group: 'sales-ops', roles: ['admin'] }], saml: { metadata: await idp.metadata() }, ...more,
});

async function begin(browser) {
  const { authorize_url: url } = await browser.ok('POST', '/sso/start', { provider: provider.id });
  return url;
}

/** Up to the provider's form. */
async function form(login, bend = {}) {
  const browser = new Browser();
  const url = await begin(browser);
  idp.bend = bend;
  try {
    return { browser, ...(await idp.formFor(url, login)) };
  } finally {
    idp.bend = {};
  }
}

async function signIn(login) {
  const { browser, ...sent } = await form(login);
  const ticket = await post(sent);
  assert.match(ticket, /^[\w-]{43}$/);
  return { browser, ticket, answer: await browser.call('POST', '/sso/saml/complete', { ticket }) };
}

async function refused(code, login, bend, change = (sent) => sent) {
  const { browser, ...sent } = await form(login, bend);
  assert.equal(await post(change(sent)), `error=${code}`);
  return sent;
}

test('an administrator sets the provider up from its metadata', async () => {
  await owner.refused(400, 'saml_metadata_invalid', 'POST', '/sso/providers', await settings({ saml: { metadata: '<a/>' } }));
  const wrong = { issuer: 'x', sign_in_url: 'http://idp.example/', certificates: [idp.pair.cert] };
  await owner.refused(400, 'saml_address_invalid', 'POST', '/sso/providers', await settings({ saml: wrong }));
  const bare = { ...wrong, sign_in_url: `${idp.base}/in`, certificates: ['x'] };
  await owner.refused(400, 'saml_certificate_invalid', 'POST', '/sso/providers', await settings({ saml: bare }));
  provider = await owner.ok('POST', '/sso/providers', await settings());
  assert.deepEqual([provider.kind, provider.issuer, provider.saml.sign_in_url], ['saml', idp.entity, `${idp.base}/in`]);
  assert.equal(provider.saml.certificates.length, 1);
  assert.equal(provider.saml.certificates[0].subject, 'idp.example');
  idp.acs = provider.saml.acs_url;
  const probe = await owner.ok('POST', `/sso/providers/${provider.id}/test`);
  assert.deepEqual([probe.issuer, probe.keys, probe.logout], [idp.entity, 1, true]);
});

test('metadata is fetched from its address when asked for, shown, and stored by nobody', async () => {
  const stored = await owner.ok('GET', '/sso/providers');
  const found = await owner.ok('POST', '/sso/saml/metadata', { url: `${idp.base}/metadata` });
  assert.deepEqual([found.issuer, found.sign_in_url, found.certificates.map(({ subject }) => subject)], [idp.entity, `${idp.base}/in`, ['idp.example']]);
  await owner.refused(400, 'saml_metadata_unread', 'POST', '/sso/saml/metadata', { url: `${idp.base}/nothing` });
  await owner.refused(400, 'saml_address_invalid', 'POST', '/sso/saml/metadata', { url: `${idp.base}/metadata`.replace('https', 'http') });
  assert.deepEqual(await owner.ok('GET', '/sso/providers'), stored);
});

test('our metadata says where its answers go', async () => {
  const answer = await fetch(provider.saml.metadata_url);
  assert.equal(answer.headers.get('content-type'), 'application/samlmetadata+xml');
  const text = await answer.text();
  assert.ok(text.includes(`entityID="${provider.saml.entity_id}"`), text);
  assert.ok(text.includes(`Location="${provider.saml.acs_url}"`) && text.includes('WantAssertionsSigned="true"'), text);
  const other = provider.saml.metadata_url.replace(provider.id, `provider_${'0'.repeat(32)}`);
  assert.equal((await fetch(other)).status, 404);
});

test('a person signs in and becomes a member with the groups\' roles', async () => {
  const { answer } = await signIn('alice');
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.deepEqual([answer.body.user.email, answer.body.user.name, answer.body.roles, answer.body.owner],
    ['alice@acme.example', 'Alice Example', ['admin'], false]);
  assert.equal(idp.audience, provider.saml.entity_id);
  const again = await signIn('alice');
  assert.equal(again.answer.body.user.id, answer.body.user.id, 'the same account');
  const other = await signIn('bob');
  assert.deepEqual(other.answer.body.roles, ['member']);
});

test('a response that is signed as a whole besides is accepted', async () => {
  const { browser, ...sent } = await form('bob', { signResponse: true, signAssertion: true });
  assert.equal(decode(sent.SAMLResponse).split('<SignatureValue>').length, 3);
  const ticket = await post(sent);
  assert.equal((await browser.call('POST', '/sso/saml/complete', { ticket })).status, 200);
});

test('a ticket is for one use, in the browser that began', async () => {
  const { browser, ticket } = await signIn('bob');
  await browser.refused(401, 'sso_flow_void', 'POST', '/sso/saml/complete', { ticket });

  // The attacker signs in at the provider, and has the victim's browser post or finish it.
  const { browser: attacker, ...sent } = await form('bob');
  const stolen = await post(sent);
  const victim = new Browser();
  await begin(victim);
  await victim.refused(401, 'sso_flow_void', 'POST', '/sso/saml/complete', { ticket: stolen });
  await attacker.refused(401, 'sso_flow_void', 'POST', '/sso/saml/complete', { ticket: stolen });
  await victim.refused(401, 'sso_flow_void', 'POST', '/sso/oidc/complete', { code: 'x', state: sent.RelayState });
});

test('a ticket is void after two minutes, and a sign-in after ten', async () => {
  const { browser, ...sent } = await form('bob');
  const ticket = await post(sent);
  rows("UPDATE sso_tickets SET expires_at = now() - interval '1 second'");
  await browser.refused(401, 'sso_flow_void', 'POST', '/sso/saml/complete', { ticket });
  const late = await form('bob');
  rows("UPDATE sso_flows SET expires_at = now() - interval '1 second'");
  assert.equal(await post(late), 'error=sso_flow_void');
});

test('a response counts once', async () => {
  const { browser, ...sent } = await form('bob');
  const ticket = await post(sent);
  assert.equal(await post(sent), 'error=sso_flow_void', 'the sign-in is used up');
  // Nor does another sign-in take it, which it does not answer.
  const next = await form('bob');
  assert.equal(await post({ ...next, SAMLResponse: sent.SAMLResponse }), 'error=saml_in_response_to');
  assert.equal((await browser.call('POST', '/sso/saml/complete', { ticket })).status, 200);
  // And were the sign-in still open, the assertion is known.
  const third = await form('bob');
  rows(`CREATE TABLE kept AS SELECT * FROM sso_flows WHERE state_hash = sha256('${third.RelayState}')`);
  await post(third);
  rows('INSERT INTO sso_flows SELECT * FROM kept');
  assert.equal(await post(third), 'error=saml_replayed');
  rows('DROP TABLE kept');
});

test('what is for others, for another time or for no request is refused', async () => {
  await refused('saml_audience', 'bob', { audience: 'https://other.example' });
  await refused('saml_audience', 'bob', { audience: `${provider.saml.entity_id}x` });
  await refused('saml_destination', 'bob', { recipient: 'https://evil.example/acs' });
  await refused('saml_destination', 'bob', { destination: 'https://evil.example/acs' });
  await refused('saml_issuer', 'bob', { issuer: 'https://evil.example/entity' });
  await refused('saml_in_response_to', 'bob', { inResponseTo: '_another' });
  await refused('saml_expired', 'bob', { lifetimeInSeconds: -120 });
  await refused('saml_status', 'bob', { samlStatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Responder' });
  const { browser, ...sent } = await form('bob');
  assert.equal(await post({ action: sent.action, SAMLResponse: sent.SAMLResponse }), 'error=saml_unsolicited');
  assert.equal(await post({ ...sent, RelayState: 'x'.repeat(43) }), 'error=sso_flow_void');
});

test('a signature that is missing, weak or a stranger\'s is refused', async () => {
  await refused('saml_unsigned', 'bob', { signAssertion: false });
  await refused('saml_unsigned', 'bob', { signAssertion: false, signResponse: true });
  await refused('saml_algorithm', 'bob', { signatureAlgorithm: 'rsa-sha1' });
  await refused('saml_algorithm', 'bob', { digestAlgorithm: 'sha1' });
  await refused('saml_signature', 'bob', signingKey());
  await refused('saml_signature', 'bob', {}, (sent) => ({
    ...sent, SAMLResponse: encode(decode(sent.SAMLResponse).replaceAll('bob@acme', 'eve@acme')),
  }));
});

test('a signed assertion wrapped into a forged one is refused', async () => {
  const wrapped = (make) => (sent) => {
    const text = decode(sent.SAMLResponse);
    const [whole] = /<saml:Assertion.*<\/saml:Assertion>/s.exec(text);
    const [signature] = /<Signature.*<\/Signature>/s.exec(whole);
    const evil = whole.replace(signature, '').replaceAll('bob', 'mallory').replace(/ ID="[^"]+"/, ' ID="_evil"');
    return { ...sent, SAMLResponse: encode(text.replace(whole, make({ whole, signature, evil }))) };
  };
  const inside = (evil, inner) => evil.replace('</saml:Assertion>', `${inner}</saml:Assertion>`);
  for (const make of [
    ({ whole, evil }) => evil + whole,
    ({ whole, evil }) => whole + evil,
    ({ whole, evil }) => inside(evil, whole),
    ({ whole, evil, signature }) => inside(evil, signature.replace('</Signature>', `<Object>${whole}</Object></Signature>`)),
    ({ whole, evil }) => `<samlp:Extensions>${whole}</samlp:Extensions>${evil}`,
  ]) {
    await refused('saml_several', 'bob', {}, wrapped(make));
  }
  await refused('saml_signature_shape', 'bob', {}, wrapped(({ evil, signature }) =>
    evil.replace('</saml:Issuer>', `</saml:Issuer>${signature}`)));
});

test('documents that are made to hurt the reader hurt nobody', async () => {
  const as = (text) => (sent) => ({ ...sent, SAMLResponse: encode(text(decode(sent.SAMLResponse))) });
  let laughs = '<!ENTITY l0 "ha">';
  for (let level = 1; level < 12; level += 1) laughs += `<!ENTITY l${level} "${`&l${level - 1};`.repeat(10)}">`;
  await refused('saml_dtd', 'bob', {}, as((text) => `<!DOCTYPE r [${laughs}]>${text}`));
  await refused('saml_comment', 'bob', {}, as((text) => text.replace('bob-0001', 'bob<!---->-0001')));
  await refused('saml_xml', 'bob', {}, as(() => '<a>'.repeat(100_000)));
  await refused('saml_too_large', 'bob', {}, as((text) => text.replace('bob-0001', 'b'.repeat(1_100_000))));
  await refused('saml_form', 'bob', {}, as(() => 'b'.repeat(3_000_000)));
  const { answer } = await signIn('bob');
  assert.equal(answer.status, 200);
});

test('the provider changes its key without anybody being locked out', async () => {
  const old = idp.pair;
  const next = signingKey();
  await refused('saml_signature', 'bob', next);
  const { saml, version } = provider;
  const both = { issuer: idp.entity, sign_in_url: saml.sign_in_url, sign_out_url: saml.sign_out_url, certificates: [old.cert, next.cert] };
  provider = await owner.ok('PUT', `/sso/providers/${provider.id}`, { ...(await settings({ saml: both })), version });
  assert.equal(provider.saml.certificates.length, 2);
  assert.equal((await signIn('bob')).answer.status, 200, 'the old one');
  idp.pair = next;
  assert.equal((await signIn('bob')).answer.status, 200, 'the new one');
  provider = await owner.ok('PUT', `/sso/providers/${provider.id}`, { ...(await settings()), version: provider.version });
  await refused('saml_signature', 'bob', old);
  assert.equal((await signIn('bob')).answer.status, 200, 'the new one alone');
});

test('an entity id and a protocol stay, because people are known by them', async () => {
  const form = await settings();
  form.saml.metadata = form.saml.metadata.replace(idp.entity, 'https://other.example/entity');
  await owner.refused(400, 'issuer_fixed', 'PUT', `/sso/providers/${provider.id}`, { ...form, version: provider.version });
  const oidc = { kind: 'oidc', name: 'x', enabled: true, issuer: 'https://idp.example', client_id: 'c', create_members: false };
  await owner.refused(400, 'provider_kind_fixed', 'PUT', `/sso/providers/${provider.id}`, { ...oidc, version: provider.version });
});

test('a provider never signs in a super_admin of a verified domain', async () => {
  await owner.ok('POST', '/sso/domains', { domain: 'acme.example', provider: provider.id });
  const waiting = await owner.ok('GET', '/platform/sso/domains');
  await owner.ok('POST', '/platform/sso/domains/verify', { tenant: waiting.items[0].tenant, domain: 'acme.example' });
  const { answer } = await signIn('mara');
  assert.equal(`${answer.status} ${answer.body.code}`, '403 sso_account_closed');
});

test('signing out tells the provider who it is', async () => {
  const { browser, answer } = await signIn('alice');
  browser.token = answer.body.access_token;
  const { logout_url: url } = await browser.ok('POST', '/sso/sign-out');
  assert.ok(url.startsWith(`${idp.base}/out?`), url);
  await fetch(url);
  const request = inflateRawSync(Buffer.from(idp.outs[0], 'base64')).toString();
  assert.match(request, /<saml:NameID>alice-0001<\/saml:NameID>/);
  assert.equal((await browser.call('GET', '/session')).status, 401);
  const back = await fetch(`${provider.saml.acs_url.replace(/acs$/, 'logout')}?SAMLResponse=x`, { redirect: 'manual' });
  assert.deepEqual([back.status, back.headers.get('location')], [303, `${process.env.REVKEEP_URL}/sign-in`]);
});

test('refusals stand in the audit log by their code, and nothing of a person in the clear', async () => {
  const codes = rows("SELECT DISTINCT code FROM audit_log WHERE action = 'sign_in_refuse' AND code LIKE 'saml%' ORDER BY 1");
  for (const code of ['saml_audience', 'saml_expired', 'saml_replayed', 'saml_several', 'saml_signature']) {
    assert.ok(codes.includes(code), `${code}: ${codes}`);
  }
  await post(await form('alice'));
  assert.deepEqual(rows("SELECT count(*) FROM sso_tickets WHERE position('alice'::bytea in claims_sealed) > 0"), ['0']);
});

test('a provider that is switched off ends its sessions and begins no more', async () => {
  const { browser, answer } = await signIn('bob');
  browser.token = answer.body.access_token;
  const waiting = await form('bob');
  await owner.ok('PUT', `/sso/providers/${provider.id}`, { ...(await settings()), enabled: false, version: provider.version });
  assert.equal((await browser.call('GET', '/session')).status, 401);
  await browser.refused(404, 'provider_not_found', 'POST', '/sso/start', { provider: provider.id });
  assert.equal(await post(waiting), 'error=provider_not_found');
});
