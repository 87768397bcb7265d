"""simple-salesforce against the simulator, as published: refresh, paged query, describe, update,
collections. REVKEEP_SIM_URL and REVKEEP_SIM_ADMIN say where it is; REQUESTS_CA_BUNDLE makes it
trusted."""

import datetime
import os
import unittest

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

URL = os.environ["REVKEEP_SIM_URL"]
ADMIN = {"Authorization": "Bearer " + os.environ["REVKEEP_SIM_ADMIN"]}
CLIENT = {
    "client_id": "3MVG9simulatedconsumerkey",
    "client_secret": "simulated-consumer-secret",
}
LEADS = 25


def admin(method, path, body=None):
    answer = requests.request(method, f"{URL}/_sim/{path}", headers=ADMIN, json=body, timeout=30)
    answer.raise_for_status()
    return answer


def refresh(token):
    form = {"grant_type": "refresh_token", "refresh_token": token, **CLIENT}
    answer = requests.post(f"{URL}/services/oauth2/token", data=form, timeout=30)
    answer.raise_for_status()
    return answer.json()


class Peer(unittest.TestCase):
    def setUp(self):
        # Each test has records of its own: what another one updates changes their order by time.
        admin("POST", "reset", {})
        wanted = {"seed": 9, "users": 2, "queues": 1, "leads": LEADS, "hostile_every": 4,
                  "inactive_users": 1}
        self.made = admin("POST", "generate", wanted).json()
        settings = admin("GET", "settings").json()
        admin("PUT", "settings", {**settings, "page_size": 10})
        grant = {"username": "integration@acme.example", "client_id": CLIENT["client_id"],
                 "scope": "api refresh_token"}
        self.refresh_token = admin("POST", "grant", grant).json()["refresh_token"]
        self.connect()

    def connect(self):
        tokens = refresh(self.refresh_token)
        self.refresh_token = tokens["refresh_token"]
        self.crm = Salesforce(session_id=tokens["access_token"],
                              instance_url=tokens["instance_url"], version="65.0")

    def test_query_is_read_to_its_end(self):
        text = "SELECT Id, Name, Owner.Name, CreatedDate FROM Lead ORDER BY SystemModstamp, Id"
        rows = self.crm.query_all(text)
        self.assertEqual(rows["totalSize"], LEADS)
        self.assertEqual([row["Id"] for row in rows["records"]], self.made["leads"])
        self.assertTrue(rows["records"][0]["CreatedDate"].endswith("+0000"))

    def test_query_all_with_deleted_rows(self):
        made = self.crm.Lead.create({"LastName": "Brief", "Company": "X"})
        self.crm.Lead.delete(made["id"])
        text = "SELECT Id FROM Lead WHERE LastName = 'Brief'"
        self.assertEqual(self.crm.query(text)["totalSize"], 0)
        self.assertEqual(self.crm.query(text, include_deleted=True)["totalSize"], 1)
        with self.assertRaises(SalesforceResourceNotFound):
            self.crm.Lead.get(made["id"])

    def test_iteration_over_pages(self):
        rows = list(self.crm.query_all_iter("SELECT Id FROM Lead"))
        self.assertEqual(len(rows), LEADS)

    def test_quoting_of_hostile_values(self):
        from simple_salesforce.format import format_soql
        name = "x' OR Name != '\\"
        self.crm.Lead.update(self.made["leads"][7], {"LastName": name})
        rows = self.crm.query(format_soql("SELECT Id FROM Lead WHERE LastName = {}", name))
        self.assertEqual([row["Id"] for row in rows["records"]], [self.made["leads"][7]])

    def test_describe(self):
        described = self.crm.Lead.describe()
        owner = next(field for field in described["fields"] if field["name"] == "OwnerId")
        self.assertEqual(owner["referenceTo"], ["Group", "User"])
        names = [item["name"] for item in self.crm.describe()["sobjects"]]
        self.assertIn("Group", names)

    def test_update_and_read_back(self):
        lead = self.made["leads"][0]
        status = self.crm.Lead.update(lead, {"OwnerId": self.made["users"][0]})
        self.assertEqual(status, 204)
        self.assertEqual(self.crm.Lead.get(lead)["OwnerId"], self.made["users"][0])

    def test_refused_update_carries_its_code(self):
        with self.assertRaises(SalesforceMalformedRequest) as refused:
            self.crm.Lead.update(self.made["leads"][0],
                                 {"OwnerId": self.made["inactive_users"][0]})
        self.assertEqual(refused.exception.content[0]["errorCode"], "INACTIVE_OWNER_OR_USER")

    def test_composite_update(self):
        records = [{"attributes": {"type": "Lead"}, "id": lead, "OwnerId": self.made["queues"][0]}
                   for lead in self.made["leads"][1:4]]
        records[1]["OwnerId"] = self.made["inactive_users"][0]
        results = self.crm.restful("composite/sobjects", method="PATCH",
                                   json={"allOrNone": False, "records": records})
        self.assertEqual([result["success"] for result in results], [True, False, True])
        self.assertEqual(results[1]["errors"][0]["statusCode"], "INACTIVE_OWNER_OR_USER")

    def test_updated_between_two_moments(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        hour = datetime.timedelta(hours=1)
        changed = self.crm.Lead.updated(now - hour, now + hour)
        self.assertEqual(set(self.made["leads"]), set(changed["ids"]))

    def test_limits(self):
        self.assertGreater(self.crm.limits()["DailyApiRequests"]["Remaining"], 0)
        self.crm.query("SELECT COUNT() FROM Lead")
        self.assertGreater(self.crm.api_usage["api-usage"].used, 0)

    def test_expired_session_and_refresh(self):
        admin("POST", "expire-sessions", {})
        with self.assertRaises(SalesforceExpiredSession):
            self.crm.query("SELECT COUNT() FROM Lead")
        self.connect()
        self.assertEqual(self.crm.query("SELECT COUNT() FROM Lead")["totalSize"], LEADS)
        self.assertEqual(admin("GET", "tokens").json()["frozen_users"], [])

    def test_malformed_query(self):
        with self.assertRaises(SalesforceMalformedRequest) as refused:
            self.crm.query("SELECT Id FROM Lead WHERE Nope = 1")
        self.assertEqual(refused.exception.content[0]["errorCode"], "INVALID_FIELD")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    print(f"simple-salesforce: {result.testsRun - failed} passed, {failed} failed", flush=True)
    raise SystemExit(1 if failed or result.testsRun == 0 else 0)
