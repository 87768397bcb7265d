// jsforce against the simulator, as published: login, paged query, describe, update, collections.
// REVKEEP_SIM_URL and REVKEEP_SIM_ADMIN say where it is; NODE_EXTRA_CA_CERTS makes it trusted.

import assert from 'node:assert/strict';
import { test, before } from 'node:test';
import jsforce from 'jsforce';

const url = process.env.REVKEEP_SIM_URL;
const adminToken = process.env.REVKEEP_SIM_ADMIN;
const LEADS = 25;
const redirectUri = 'https://app.example/callback';

let connection;
let owners;

async function admin(method, path, body) {
  const answer = await fetch(`${url}/_sim/${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer;
}

async function lines(path) {
  const text = await (await admin('GET', path)).text();
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** What a person does in a browser; answers the code that the application is sent. */
async function signIn(authorizeUrl) {
  const context = (page) => /name="context" value="([^"]+)"/.exec(page)[1];
  const post = (page, form) =>
    fetch(`${url}/services/oauth2/authorize/${page}`, {
      method: 'POST',
      body: new URLSearchParams(form),
      redirect: 'manual',
    });
  const login = await (await fetch(authorizeUrl)).text();
  const consent = await post('login', {
    context: context(login),
    username: 'integration@acme.example',
    password: 'open-sesame-1',
  });
  const page = await consent.text();
  const sent = await post('consent', { context: context(page), decision: 'allow' });
  return new URL(sent.headers.get('location')).searchParams.get('code');
}

before(async () => {
  await admin('POST', 'reset', {});
  const made = await admin('POST', 'generate', {
    seed: 4, users: 2, queues: 1, leads: LEADS, hostile_every: 5, inactive_users: 1,
  });
  owners = await made.json();
  const settings = await (await admin('GET', 'settings')).json();
  await admin('PUT', 'settings', { ...settings, page_size: 10 });
  connection = new jsforce.Connection({
    version: '65.0',
    oauth2: {
      loginUrl: url,
      clientId: '3MVG9simulatedconsumerkey',
      clientSecret: 'simulated-consumer-secret',
      redirectUri,
      useVerifier: true,
    },
  });
  // jsforce forgets a rotated refresh token unless it is told to keep it.
  connection.on('refresh', (_token, answer) => {
    connection.refreshToken = answer.refresh_token;
  });
});

test('login: authorization code with PKCE, no challenge method named', async () => {
  const address = connection.oauth2.getAuthorizationUrl({ scope: 'api refresh_token id' });
  assert.ok(!address.includes('code_challenge_method'));
  const user = await connection.authorize(await signIn(address));
  assert.equal(user.organizationId, '00Dxx0000001gPLEAY');
  assert.equal(connection.instanceUrl, url);
});

test('identity and userinfo name the person', async () => {
  const identity = await connection.identity();
  assert.equal(identity.username, 'integration@acme.example');
  assert.equal(identity.organization_id, '00Dxx0000001gPLEAY');
});

test('a query is read to its end, page by page', async () => {
  const rows = await connection
    .query('SELECT Id, Name, Owner.Name, Owner.Type FROM Lead ORDER BY SystemModstamp, Id', {
      autoFetch: true,
      maxFetch: 1000,
    });
  assert.equal(rows.totalSize, LEADS);
  assert.equal(rows.records.length, LEADS);
  assert.deepEqual(rows.records.map((row) => row.Id), owners.leads);
  assert.equal(rows.records[0].Owner.Type, 'User');
  assert.equal(rows.records[0].attributes.type, 'Lead');
});

test('queryMore asks /query for a locator of queryAll', async () => {
  const first = await connection.query('SELECT Id FROM Lead', { scanAll: true });
  assert.equal(first.done, false);
  const second = await connection.queryMore(first.nextRecordsUrl);
  assert.equal(second.records.length, 10);
  assert.equal(second.totalSize, LEADS);
});

test('the query builder and counts', async () => {
  assert.equal((await connection.query('SELECT COUNT() FROM Lead')).totalSize, LEADS);
  const found = await connection.sobject('Lead').find({ Id: owners.leads[3] }, ['Id', 'Company']);
  assert.equal(found.length, 1);
});

test('describe tells types and references', async () => {
  const described = await connection.sobject('Lead').describe();
  const owner = described.fields.find((field) => field.name === 'OwnerId');
  assert.deepEqual(owner.referenceTo, ['Group', 'User']);
  assert.equal(described.keyPrefix, '00Q');
  const all = await connection.describeGlobal();
  assert.ok(all.sobjects.some((object) => object.name === 'QueueSobject'));
});

test('update: one record', async () => {
  const result = await connection
    .sobject('Lead').update({ Id: owners.leads[0], OwnerId: owners.users[0] });
  assert.equal(result.success, true);
  const lead = await connection.sobject('Lead').retrieve(owners.leads[0]);
  assert.equal(lead.OwnerId, owners.users[0]);
});

test('update: a refusal is named by its code', async () => {
  await assert.rejects(
    connection.sobject('Lead').update({ Id: owners.leads[0], OwnerId: owners.inactive_users[0] }),
    { name: 'INACTIVE_OWNER_OR_USER' },
  );
});

test('update: a collection, each record with its result', async () => {
  const records = owners.leads.map((Id) => ({ Id, OwnerId: owners.queues[0] }));
  records[1].OwnerId = owners.inactive_users[0];
  const results = await connection.sobject('Lead').update(records);
  assert.equal(results.length, LEADS);
  assert.deepEqual(results.filter((result) => !result.success).map((result) => result.id), [
    owners.leads[1],
  ]);
  assert.equal(results[1].errors[0].statusCode, 'INACTIVE_OWNER_OR_USER');
  const rows = await lines('owners?sobject=Lead');
  assert.equal(rows.filter((row) => row.owner === owners.queues[0]).length, LEADS - 1);
});

test('update: all or none leaves everything as it was', async () => {
  const records = [
    { Id: owners.leads[2], OwnerId: owners.users[1] },
    { Id: owners.leads[3], OwnerId: owners.inactive_users[0] },
  ];
  const results = await connection.sobject('Lead').update(records, { allOrNone: true });
  assert.equal(results[0].errors[0].statusCode, 'ALL_OR_NONE_OPERATION_ROLLED_BACK');
  const rows = await lines('owners?sobject=Lead');
  assert.ok(rows.every((row) => row.owner !== owners.users[1]));
});

test('create, retrieve several, delete, and what changed', async () => {
  const made = await connection.sobject('Lead').create({ LastName: "O'Neil", Company: 'A & B' });
  assert.equal(made.success, true);
  const read = await connection.sobject('Lead').retrieve([made.id, owners.leads[4]]);
  assert.equal(read[0].LastName, "O'Neil");
  assert.equal((await connection.sobject('Lead').destroy(made.id)).success, true);
  const hour = 3_600_000;
  const now = Date.now();
  const gone = await connection.sobject('Lead').deleted(new Date(now - hour), new Date(now + hour));
  assert.deepEqual(gone.deletedRecords.map((record) => record.id), [made.id]);
});

test('an expired session is refreshed by rotation, twice', async () => {
  for (let round = 0; round < 2; round += 1) {
    const before = connection.refreshToken;
    await admin('POST', 'expire-sessions', {});
    assert.equal((await connection.query('SELECT COUNT() FROM Lead')).totalSize, LEADS);
    assert.notEqual(connection.refreshToken, before);
  }
  const { grants, frozen_users: frozen } = await (await admin('GET', 'tokens')).json();
  assert.equal(grants[0].refreshes, 2);
  assert.deepEqual(frozen, []);
});

test('a malformed query is refused', async () => {
  await assert.rejects(connection.query('SELECT Id FRM Lead'), { name: 'MALFORMED_QUERY' });
});

test('the limit header is read', async () => {
  await connection.query('SELECT COUNT() FROM Lead');
  assert.ok(connection.limitInfo.apiUsage.used > 0);
});

test('revoke ends the connection', async () => {
  await connection.logout();
  const { grants } = await (await admin('GET', 'tokens')).json();
  assert.equal(grants[0].live_access_tokens, 0);
});
