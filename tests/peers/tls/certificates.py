"""Certificates as a customer's own authority signs them, and one as nobody should have; openssl makes both."""

import dataclasses
import os
import pathlib
import subprocess

# Without the machine's own rules, some of which forbid what is old.
OPENSSL = {**os.environ, "OPENSSL_CONF": "/dev/null"}
EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("rsa:3072",)
# As long as the one that set-up makes, and longer than the month before whose end testssl warns.
DAYS = 90


@dataclasses.dataclass
class Pair:
    certificate: pathlib.Path
    key: pathlib.Path


def make(folder, name, kind, days, *options, extensions=()):
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    added = [part for extension in extensions for part in ("-addext", extension)]
    subprocess.run(
        ["openssl", "req", "-config", "/dev/null", "-x509", "-newkey", *kind, "-nodes", "-days", str(days),
         *options, *added, "-keyout", pair.key, "-out", pair.certificate],
        check=True, capture_output=True, env=OPENSSL)
    return pair


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.own = make(folder, "authority", EC, DAYS, "-subj", "/CN=Authority of this scan", extensions=(
            "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash"))

    def leaf(self, name, kind):
        """For localhost, with all that RFC 5280 wants of a server's certificate."""
        signed = ("-CA", self.own.certificate, "-CAkey", self.own.key, "-subj", "/CN=localhost")
        return make(self.folder, name, kind, DAYS, *signed, extensions=(
            "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth",
            "subjectAltName=DNS:localhost", "subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"))


def weak(folder):
    """1024 bits, SHA-1, signed by itself, about to end, for no name."""
    return make(folder, "weak", ("rsa:1024",), 3, "-sha1", "-subj", "/CN=localhost")
