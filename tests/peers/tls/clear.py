"""What a client gets that speaks without TLS."""

import re
import socket

REQUESTS = {
    "GET of HTTP/1.1": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET of HTTP/1.0": b"GET /health/live HTTP/1.0\r\n\r\n",
    "POST": b"POST /api/console/v1/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/2 by prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
}
# A record of TLS that holds one fatal alert (RFC 8446, sections 5.1 and 6).
ALERT = re.compile(rb"\x15\x03.\x00\x02\x02.", re.DOTALL)
# No content: not a byte after the head.
REFUSED = re.compile(rb"HTTP/1\.[01] 400 [^\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")


def findings(address):
    found = []
    for name, request in REQUESTS.items():
        answer = ask(address, request)
        if not (ALERT.fullmatch(answer) or REFUSED.fullmatch(answer)):
            found.append(f"{name} was answered with {answer[:80]!r}")
    return found


def ask(address, request):
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while more := connection.recv(4096):
            answer += more
    return answer
