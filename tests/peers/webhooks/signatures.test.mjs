// Signatures as the JavaScript library of Standard Webhooks reads them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Webhook } from 'standardwebhooks';

const corpus = JSON.parse(readFileSync(process.env.REVKEEP_WEBHOOK_CORPUS, 'utf8'));

test('each secret opens each request that it signed', () => {
  assert.equal(corpus.length, 4);
  let checked = 0;
  for (const { secrets, headers, body } of corpus) {
    for (const secret of secrets) {
      assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
      checked += 1;
    }
  }
  assert.equal(checked, 6);
});

test('another body, id, time or secret is refused', () => {
  const [first, second] = corpus;
  const [secret] = first.secrets;
  const refuses = (body, headers, with_ = secret) => assert.throws(() => new Webhook(with_).verify(body, headers));
  refuses(first.body.replace('records', 'Records'), first.headers);
  refuses(`${first.body} `, first.headers);
  refuses(first.body, { ...first.headers, 'webhook-id': second.headers['webhook-id'] });
  refuses(first.body, { ...first.headers, 'webhook-timestamp': String(Number(first.headers['webhook-timestamp']) + 1) });
  refuses(first.body, { ...first.headers, 'webhook-signature': second.headers['webhook-signature'] });
  refuses(first.body, first.headers, second.secrets[0]);
});
