"""The console's API as a browser uses it, as far as provisioning is set up there: the first account with
its authenticator app (RFC 6238), a verified mail domain, tokens."""

import base64
import hashlib
import hmac
import os
import ssl
import struct
import time

import httpx2

URL = os.environ["REVKEEP_URL"]
DOMAIN = "acme.example"
TRUST = ssl.create_default_context(cafile=os.environ["NODE_EXTRA_CA_CERTS"])


class App:
    """An authenticator app, which gives no code twice."""

    def __init__(self, secret):
        self.key = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self.last = int(time.time() // 30) - 2

    def code(self):
        self.last += 1
        mac = hmac.new(self.key, struct.pack(">Q", self.last), hashlib.sha1).digest()
        (number,) = struct.unpack_from(">I", mac, mac[19] & 15)
        return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


class Console:
    """Mara, owner of her organisation and super_admin of the appliance."""

    def __init__(self):
        self.http = httpx2.Client(base_url=f"{URL}/api/console/v1", verify=TRUST, headers={"x-revkeep": "1"})
        session = self.ok("POST", "/setup", {
            "code": os.environ["SETUP_CODE"], "organisation": "Acme", "name": "Mara Lindqvist",
            "email": f"mara@{DOMAIN}", "password": "A long sentence for day 1",
        })
        self.tenant = session["tenant"]["id"]
        app = App(self.ok("POST", "/me/factors/totp", {})["secret"])
        self.ok("POST", "/me/factors/totp/confirm", {"code": app.code()})

    def ok(self, method, path, body=None):
        answer = self.http.request(method, path, json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        told = answer.json() if answer.content else None
        if told and "access_token" in told:
            self.http.headers["authorization"] = f"Bearer {told['access_token']}"
        return told

    def verify_domain(self):
        provider = self.ok("POST", "/sso/providers", {
            "kind": "oidc", "name": "Acme login", "enabled": False, "issuer": f"https://login.{DOMAIN}",
            "client_id": "revkeep", "client_secret": None, "create_members": False,
        })
        self.ok("POST", "/sso/domains", {"domain": DOMAIN, "provider": provider["id"]})
        self.ok("POST", "/platform/sso/domains/verify", {"tenant": self.tenant, "domain": DOMAIN})

    def new_token(self):
        return self.ok("POST", "/sso/scim/tokens", {"name": "scim2-tester", "expires_at": None})

    def members(self):
        return {item["id"]: item for item in self.ok("GET", "/members?limit=200")["items"]}
