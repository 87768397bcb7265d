"""A person at the console of the machine under test, and Salesforce's side of it. It talks to the endpoints
that the web application talks to, and to the simulator; what it has to remember is in /srv/person.json.

    person.py claim CODE     become the first administrator, with a second factor
    person.py sign-in        password, then a code
    person.py connect        connect Salesforce, name reps, pools and rules, and start routing
    person.py leads SEED N   N leads come in
    person.py trickle N      N leads come in, one every 50 ms
    person.py settled        wait until every lead has its end
    person.py written        how many owners Salesforce was told
    person.py account        compare record by record with Salesforce's own log of writes
    person.py forgot         ask for a link to a new password
    person.py siem           stream the whole log of the appliance to the receiver beside it
    person.py ready          what keeps the daemon from its work, as everybody may ask
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import ssl
import struct
import sys
import time
import urllib.parse

HOST = "revkeep.example.internal"
SIMULATOR = os.environ["SALESFORCE"]
CLIENT = {"consumer_key": "3MVG9simulatedconsumerkey", "consumer_secret": "simulated-consumer-secret"}
LOGIN = {"username": "integration@acme.example", "password": "open-sesame-1"}
SIMULATOR_TOKEN = "simulator-admin"
EMAIL, PASSWORD = "ada@acme.example", "Correct-horse-7-battery"
MEMORY = pathlib.Path("/srv/person.json")
FIELDS = ["Company", "Country", "Industry", "NumberOfEmployees", "LeadSource", "Rating"]
MOVING = {"unaccounted", "waiting", "proposed", "claimed", "in_doubt"}
STEP, ARRIVES_WITHIN = 30, 10


class Refused(Exception):
    """An answer that is not a success: (status, body, seconds after which to ask again)."""


def request(host, ca, method, path, body=None, headers=(), form=False):
    connection = http.client.HTTPSConnection(host, timeout=60, context=ssl.create_default_context(cafile=ca))
    headers = dict(headers)
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        body = urllib.parse.urlencode(body) if form else json.dumps(body)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def expect(*arguments, **named):
    status, headers, text = request(*arguments, **named)
    if status >= 400:
        raise Refused(status, text, int(headers.get("Retry-After", 1)))
    return headers, text


def console(method, path, body=None, headers=()):
    """As whoever the memory has a session of; signs in again where it is over."""
    memory = recall()
    said = {"X-Revkeep": "1", **dict(headers)}
    if "token" in memory and "Cookie" not in said:
        said["Authorization"] = "Bearer " + memory["token"]
    try:
        headers, text = expect(HOST, "/etc/revkeep/tls/certificate.pem", method, "/api/console/v1" + path, body, said)
    except Refused as refused:
        status, _, wait = refused.args
        if status == 429:
            time.sleep(wait)
            return console(method, path, body, headers)
        if status != 401 or "token" not in memory:
            raise
        sign_in()
        return console(method, path, body)
    return headers, json.loads(text) if text else None


def get(path):
    return console("GET", path)[1]


def post(path, body):
    return console("POST", path, body)[1]


def every(path):
    items, cursor = [], ""
    while cursor is not None:
        page = get(f"{path}{'&' if '?' in path else '?'}limit=200{cursor}")
        items += page["items"]
        cursor = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else None
    return items


def simulator(method, path, body=None):
    _, text = expect(
        SIMULATOR, "/srv/ca/ca.pem", method, "/_sim/" + path, body, {"Authorization": "Bearer " + SIMULATOR_TOKEN}
    )
    return text


def lines(path):
    return [json.loads(line) for line in simulator("GET", path).splitlines() if line]


def recall():
    return json.loads(MEMORY.read_text()) if MEMORY.exists() else {}


def remember(**more):
    new = MEMORY.with_suffix(".new")
    with new.open("w") as file:
        file.write(json.dumps({**recall(), **more}))
        file.flush()
        # Power is cut at this person's machine.
        os.fsync(file.fileno())
    new.replace(MEMORY)


def code():
    """One that was not used yet; waits where there is none, because each is good once."""
    memory = recall()
    while True:
        now = time.time()
        current = int(now) // STEP
        # One step to either side is taken as well. Close to the end of a step its predecessor may be too old on arrival.
        first = current - 1 if now % STEP < STEP - ARRIVES_WITHIN else current
        used = memory.get("step", 0)
        # One that lies ahead was used before the clock was set back.
        step = first if used > current + 1 else max(first, used + 1)
        if step <= current + 1:
            remember(step=step)
            secret = base64.b32decode(memory["secret"] + "=" * (-len(memory["secret"]) % 8))
            digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
            offset = digest[-1] & 15
            number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
            return f"{number % 1_000_000:06}"
        time.sleep(0.5)


def claim(setup_code):
    claimed = {"code": setup_code, "organisation": "Acme", "name": "Ada Lovelace", "email": EMAIL, "password": PASSWORD}
    remember(token=post("/setup", claimed)["access_token"])
    remember(secret=post("/me/factors/totp", {})["secret"])
    post("/me/factors/totp/confirm", {"code": code()})


def sign_in():
    memory = recall()
    memory.pop("token", None)
    MEMORY.write_text(json.dumps(memory))
    headers, _ = console("POST", "/session", {"email": EMAIL, "password": PASSWORD})
    question = next(c for c in headers.get_all("Set-Cookie") if c.startswith("__Host-revkeep-sign-in="))
    _, session = console("POST", "/session/factor", {"totp": code()}, {"Cookie": question.split(";")[0]})
    remember(token=session["access_token"])
    print(json.dumps(get("/me/sessions")))


def until(what, holds, seconds=60):
    end = time.monotonic() + seconds
    while True:
        found = what()
        if holds(found):
            return found
        if time.monotonic() > end:
            sys.exit(f"still {str(found)[:600]}")
        time.sleep(0.2)


def authorise(address):
    """What somebody does in a browser at Salesforce's pages."""
    address = urllib.parse.urlsplit(address)

    def page(method, path, form=None):
        return expect(SIMULATOR, "/srv/ca/ca.pem", method, path, form, form=True)

    def context(text):
        return re.search(r'name="context" value="([^"]*)"', text)[1]

    _, text = page("GET", f"{address.path}?{address.query}")
    _, text = page("POST", "/services/oauth2/authorize/login", {"context": context(text), **LOGIN})
    headers, _ = page("POST", "/services/oauth2/authorize/consent", {"context": context(text), "decision": "allow"})
    back = urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query)
    return {"code": back["code"][0], "state": back["state"][0]}


def connect():
    simulator("POST", "generate", {"seed": 7, "users": 8, "queues": 1, "leads": 40, "spread_seconds": 86400})
    console("PUT", "/connections/salesforce", {"environment": "my_domain", "my_domain": SIMULATOR, **CLIENT})
    started = post("/connections/salesforce/authorize", {})
    connection = post("/connections/salesforce/complete", authorise(started["authorize_url"]))
    assert connection["state"] == "connected", connection
    for name in FIELDS:
        post("/layer/objects/Lead/fields", {"name": name, "reason": "rules read it", "data_class": "crm_business"})
    post("/reps/sync", {})
    until(lambda: get("/reps"), lambda page: len(page["items"]) > 5)
    reps = [rep for rep in every("/reps") if rep["active"] and rep["name"] != "Iris Integration"]
    members = [{"rep_id": rep["id"], "weight": 1 + index % 3} for index, rep in enumerate(reps)]
    pool = post("/pools", {"name": "Everyone", "members": members})["id"]
    router = {
        "enrollment_text": "SELECT Id FROM Lead WHERE Status = 'Open - Not Contacted'",
        "fallback": {"kind": "pool", "pool_id": pool},
        "cycle_seconds": 1,
    }
    console("PUT", "/routers/Lead", router)
    preview = post("/routers/Lead/activation-preview", {})
    post("/routers/Lead/activate", {"confirm": preview["confirm_text"]})
    until(lambda: get("/routers"), lambda page: page["items"][0]["state"] == "active")


def compare():
    """As Salesforce sees it: (states, what disagrees)."""
    owners = {row["id"]: row["owner"] for row in lines("owners?sobject=Lead")}
    written = {}
    for write in lines("writes?after=0"):
        if write["field"] == "OwnerId" and write["code"] == "OK":
            written.setdefault(write["id"], []).append(write["new"])
    standing = {row["record_id"]: row["state"] for row in every("/records")}
    logged = {}
    for row in every("/assignments?state=assigned"):
        logged.setdefault(row["record_id"], []).append(row["new_owner_id"])
    states, wrong = {}, []
    for record, owner in owners.items():
        state = standing.get(record, "unaccounted")
        states[state] = states.get(state, 0) + 1
        wrote, told = written.get(record, []), logged.get(record, [])
        if not right(state, wrote, told, owner):
            wrong.append(f"{record} is {state}, written {wrote}, logged {told}, owner {owner}")
    return states, wrong


def right(state, wrote, told, owner):
    """Of a record that has its end."""
    if state == "assigned":
        return told == [owner] and wrote in ([], [owner])
    if state == "baseline":
        return not wrote and not told
    return state in ("failed", "given_up") and not wrote


def settled():
    """Also while the daemon is away now and then."""

    def states():
        try:
            return compare()[0]
        except (OSError, Refused, http.client.HTTPException) as error:
            return {"unaccounted": str(error)}

    print(json.dumps(until(states, lambda found: not MOVING & set(found), 180)))


def account():
    states, wrong = compare()
    print(json.dumps({"states": states, "disagreements": wrong[:20], "holds": not wrong}))
    sys.exit(1 if wrong else 0)


def siem():
    target = {"name": "Archive", "transport": "syslog_tls", "format": "rfc5424", "address": "localhost:6514"}
    authority = pathlib.Path("/srv/ca/ca.pem").read_text()
    post("/platform/siem/targets", {**target, "authorities": authority, "enabled": True, "from_start": True})


def ready():
    status, _, text = request(HOST, "/etc/revkeep/tls/certificate.pem", "GET", "/health/ready")
    print(status, text)
    sys.exit(0 if status == 200 else 1)


def main(command, *arguments):
    match command:
        case "leads":
            simulator("POST", "generate", {"seed": int(arguments[0]), "leads": int(arguments[1])})
        case "trickle":
            simulator("POST", "trickle", {"every_ms": 50, "seed": int(time.time()), "count": int(arguments[0])})
        case "sign-in":
            sign_in()
        case "written":
            print(sum(write["field"] == "OwnerId" and write["code"] == "OK" for write in lines("writes?after=0")))
        case "forgot":
            post("/password/reset", {"email": EMAIL})
        case _:
            {"claim": claim, "connect": connect, "settled": settled, "account": account, "siem": siem, "ready": ready}[command](*arguments)


main(*sys.argv[1:])
