// RFC 5424 as glossy reads it: header, structured data with its escapes, message.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import glossy from 'glossy';

const folder = process.env.REVKEEP_SIEM_CORPUS;
const lines = (name) => readFileSync(`${folder}/${name}`, 'utf8').split('\n').slice(0, -1);
const events = lines('events').map((line) => JSON.parse(line));
// What cannot stand in a line stands there as a space.
const plain = (text) => text.replace(/\p{Cc}/gu, ' ');
const SEVERITIES = { done: 'info', failed: 'err', refused: 'warn' };

const read = (line) => {
  let found;
  glossy.Parse.parse(line, (message) => { found = message; });
  return found;
};

test('every event reads back whole', () => {
  const messages = lines('rfc5424').map(read);
  assert.equal(messages.length, events.length);
  assert.ok(events.length > 60, `only ${events.length} events`);
  for (const [n, { fields, sentence }] of events.entries()) {
    const message = messages[n];
    assert.equal(message.type, 'RFC5424');
    assert.equal(message.facility, 'audit');
    assert.equal(message.severity, SEVERITIES[fields.outcome] ?? 'info', fields.outcome);
    assert.equal(message.host, 'revkeep.corp.example');
    assert.equal(message.appName, 'revkeep');
    assert.equal(message.pid, null);
    assert.equal(message.msgID, fields.id);
    assert.equal(new Date(message.time).getTime(), Math.floor(new Date(fields.at).getTime()));
    const expected = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]));
    assert.deepEqual({ ...message.structuredData['revkeep@32473'] }, expected);
    // glossy takes every word that ends in a bracket, also of the message, as the end of structured data.
    // Elsewhere there is one element, whatever a value says, and the message behind it.
    if (!plain(sentence).split(' ').some((word) => word.endsWith(']'))) {
      assert.deepEqual(Object.keys(message.structuredData), ['revkeep@32473']);
      assert.equal(message.message.replace(/^\ufeff/, '').trim(), plain(sentence).trim());
    }
  }
});

test('another format is the whole message', () => {
  const messages = lines('cef_in_syslog').map(read);
  const alone = lines('cef');
  assert.equal(messages.length, alone.length);
  for (const [n, message] of messages.entries()) {
    assert.equal(message.message.replace(/^\ufeff/, ''), alone[n]);
  }
});
