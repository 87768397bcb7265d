"""A mirror of the range service for breached passwords, as Have I Been Pwned describes it, over TLS.

GET /range/XXXXX answers the lines SUFFIX:COUNT of all known SHA-1 hashes with that beginning. With the header
Add-Padding: true there are invented lines with the count 0 among them, so that the length tells nothing.
Arguments: certificate, key, hashes (lines HASH:COUNT), journal (what was asked, a line of JSON each), answer (a
file that may hold a status to answer with, a blank and a body), port. Prints a line when ready.
"""

import http.server
import json
import os
import random
import re
import ssl
import sys

certificate, key, hashes, journal, answer, port = sys.argv[1:7]
PADDED = (800, 1000)


def lines(prefix, padded):
    with open(hashes, encoding="ascii") as file:
        known = [line.strip() for line in file if line.startswith(prefix)]
    found = [line[5:] for line in known]
    if padded:
        wanted = random.randint(*PADDED)
        while len(found) < wanted:
            found.append("".join(random.choices("0123456789ABCDEF", k=35)) + ":0")
    else:
        found = [line for line in found if not line.endswith(":0")]
    return sorted(found)


class Mirror(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("content-length") or 0)
        asked = {
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode("latin-1"),
        }
        with open(journal, "a", encoding="utf-8") as file:
            file.write(json.dumps(asked) + "\n")
        status, body = self.judged(asked)
        data = body.encode("ascii")
        self.send_response(status)
        if status == 302:
            self.send_header("location", body)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def judged(self, asked):
        if os.path.exists(answer):
            with open(answer, encoding="ascii") as file:
                status, _, body = file.read().partition(" ")
            return int(status), body
        found = re.fullmatch(r"/range/([0-9A-F]{5})", asked["path"])
        if not found or self.command != "GET":
            return 400, "The hash prefix was not in a valid format"
        padded = asked["headers"].get("add-padding", "").lower() == "true"
        return 200, "\r\n".join(lines(found.group(1), padded))

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Mirror)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
