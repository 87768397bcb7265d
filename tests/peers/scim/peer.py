"""scim2-tester's whole conformance run against the daemon, then the work of an identity provider by
scim2-client. The tester fills resources with random texts; an address that it invents is brought into the
organisation's domain, outside of which the server makes nobody."""

import sys
import uuid

import httpx2
import scim2_tester.checkers.patch_add
import scim2_tester.checkers.patch_replace
import scim2_tester.filling
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from console import DOMAIN, TRUST, URL, Console
from provider import CASES

PASSED = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}

generate = scim2_tester.filling.generate_random_value


def in_our_domain(context, path, mutability=None, required=None):
    value = generate(context, path=path, mutability=mutability, required=required)
    if isinstance(value, str) and (str(path).endswith("userName") or "@" in value):
        return f"{uuid.uuid4()}@{DOMAIN}"
    return value


for module in (scim2_tester.filling, scim2_tester.checkers.patch_add, scim2_tester.checkers.patch_replace):
    module.generate_random_value = in_our_domain


def client(token):
    headers = {"authorization": f"Bearer {token}"}
    return SyncSCIMClient(httpx2.Client(base_url=f"{URL}/scim/v2", verify=TRUST, headers=headers, timeout=60))


def main():
    console = Console()
    console.verify_domain()
    token = console.new_token()
    passed = failed = 0
    for result in check_server(client(token["secret"])):
        name = f"{result.resource_type or 'server'}: {result.title}: {(result.reason or '').splitlines()[:1]}"
        if result.status == Status.SKIPPED:
            print(f"skipped {name}")
        elif result.status in PASSED:
            passed += 1
        else:
            failed += 1
            print(f"not ok {name} {result.data}")
    print(f"scim2-tester: {passed} checks hold")
    for case in CASES:
        try:
            case(console, client(token["secret"]))
            passed += 1
            print(f"ok {case.__name__}")
        except Exception as fault:  # every case is told of, whatever it fails with
            failed += 1
            print(f"not ok {case.__name__}: {type(fault).__name__}: {fault}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
