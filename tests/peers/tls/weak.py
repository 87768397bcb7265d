"""Servers as they should not be, so that the judges are seen to find something."""

import contextlib
import http.server
import subprocess
import threading

from certificates import OPENSSL

# Old versions, CBC, no encryption at all, any curve; short, because testssl tries each suite.
SUITES = "AES128-SHA:ECDHE-RSA-AES128-SHA:NULL-SHA:AECDH-AES128-SHA:@SECLEVEL=0"


@contextlib.contextmanager
def tls(pair):
    """openssl's own server, with all that it still has of the past; gives its address."""
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pair.certificate, "-key", pair.key, "-www",
         "-cipher", SUITES, "-min_protocol", "TLSv1", "-legacy_renegotiation", "-client_renegotiation"],
        env=OPENSSL, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace")
    try:
        said = iter(server.stdout)
        accepts = next(line for line in said if line.startswith("ACCEPT "))
        reader = threading.Thread(target=lambda: [None for _ in said], daemon=True)
        reader.start()
        yield "127.0.0.1", int(accepts.rsplit(":", 1)[1])
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def clear():
    """A server that answers without TLS, with content."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"content")

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address
        server.shutdown()
