"""Signatures as the Python library of Standard Webhooks reads them."""

import json
import os
import unittest

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

with open(os.environ["REVKEEP_WEBHOOK_CORPUS"], encoding="utf-8") as file:
    CORPUS = json.load(file)


class Signatures(unittest.TestCase):
    def test_each_secret_opens_each_request_that_it_signed(self):
        checked = 0
        for request in CORPUS:
            for secret in request["secrets"]:
                found = Webhook(secret).verify(request["body"], request["headers"])
                self.assertEqual(found, json.loads(request["body"]))
                checked += 1
        self.assertEqual(checked, 6)

    def test_another_body_id_time_or_secret_is_refused(self):
        first, second = CORPUS[:2]
        headers = first["headers"]
        later = str(int(headers["webhook-timestamp"]) + 1)
        for body, sent, owner in (
            (first["body"] + " ", headers, first),
            (first["body"], {**headers, "webhook-id": second["headers"]["webhook-id"]}, first),
            (first["body"], {**headers, "webhook-timestamp": later}, first),
            (first["body"], {**headers, "webhook-signature": second["headers"]["webhook-signature"]}, first),
            (first["body"], headers, second),
        ):
            with self.assertRaises(WebhookVerificationError):
                Webhook(owner["secrets"][0]).verify(body, sent)


if __name__ == "__main__":
    unittest.main()
