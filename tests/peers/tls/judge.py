"""sslyze and testssl over the running daemon, with certificates of a private authority that both are told to trust,
and over servers that are weak on purpose, where each judge has to find what is wrong. Then the doors: what is said
without TLS, and where the daemon listens. The last line is `N passed, N failed`."""

import concurrent.futures
import os
import pathlib
import sys
import tempfile

import by_sslyze
import by_testssl
import certificates
import clear
import weak
from daemon import Daemon, listening

# What has to be among the findings over the weak server, for each check; part of a finding's text.
WEAK_BY_SSLYZE = {
    "versions": ("TLS 1.0", "TLS 1.1"),
    "suites": ("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_NULL_SHA", "anon"),
    "curves": ("X448",),
    "Mozilla's intermediate": ("rsa_key_size", "certificate_path_validation", "tls_versions", "ciphers"),
    "attacks": ("renegotiation at a client's wish",),
    "resumption": ("tickets",),
    "strict transport": ("no such header",),
}
WEAK_BY_TESTSSL = {
    "findings": (" TLS1:", " TLS1_1:", " cipherlist_NULL:", " cipherlist_aNULL:", " cert_keySize:",
                 " cert_signatureAlgorithm:", " cert_trust:", " cert_expirationStatus:",
                 " secure_client_renego:", " HSTS:", " security_headers:", " LUCKY13:"),
}


class Score:
    def __init__(self):
        self.passed = self.failed = 0

    def tell(self, name, problems):
        """A check holds when there is no problem."""
        if problems:
            self.failed += 1
            print(f"FAIL {name}: {'; '.join(problems)}", flush=True)
        else:
            self.passed += 1
            print(f"PASS {name}", flush=True)

    def clean(self, judge, checks):
        for name, found in checks.items():
            self.tell(f"{judge}: {name}", found)

    def finds(self, judge, checks, wanted):
        for name, texts in wanted.items():
            missed = [text for text in texts if not any(text in finding for finding in checks.get(name, ()))]
            self.tell(f"{judge} finds in a weak server: {name}", [f"not found: {text.strip(' :')}" for text in missed])


def by_sslyze_over_daemon(score, daemon, authority, name, kind):
    """And leaves the daemon with that certificate."""
    daemon.serve(authority.leaf(name, kind), authority)
    checks, offered = by_sslyze.scan(daemon.address, authority.own.certificate)
    score.clean(f"sslyze, {name} certificate", checks)
    for what, names in offered.items():
        print(f"     {what}: {', '.join(names)}")


def weak_by_sslyze(pair):
    with weak.tls(pair) as address:
        return by_sslyze.scan(address, pair.certificate, connections=1)[0]


def weak_by_testssl(pair, folder):
    with weak.tls(pair) as address:
        return by_testssl.scan(address, pair.certificate, folder)


def doors(score, daemon):
    score.tell("in the clear: an alert or a bare 400", clear.findings(daemon.address))
    with weak.clear() as address:
        missed = set(clear.REQUESTS) - {finding.partition(" was answered")[0] for finding in clear.findings(address)}
        score.tell("a server that answers in the clear is found", [f"not found: {name}" for name in sorted(missed)])
        # This program, as long as that server is in it.
        seen = listening(os.getpid())
        score.tell("a listener that nobody configured is found", [] if address in seen else [f"only {seen} is seen"])
    heard = listening(daemon.process)
    score.tell("listens where the configuration says, and nowhere else",
               [] if heard == daemon.configured
               else [f"listens at {sorted(heard)}, configured {sorted(daemon.configured)}"])
    score.tell("nothing of it listens on port 80", [str(at) for at in heard if at[1] == 80])


def main():
    score = Score()
    daemon = Daemon()
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor() as beside:
        folder = pathlib.Path(name)
        authority, pair = certificates.Authority(folder), certificates.weak(folder)
        # The slow one begins first.
        weak_slow = beside.submit(weak_by_testssl, pair, folder)
        by_sslyze_over_daemon(score, daemon, authority, "ECDSA", certificates.EC)
        by_sslyze_over_daemon(score, daemon, authority, "RSA", certificates.RSA)
        # With the RSA certificate, because more attacks are known on servers that have one.
        slow = beside.submit(by_testssl.scan, daemon.address, authority.own.certificate, folder,
                             (*by_testssl.SECTIONS, by_testssl.ORDER))
        doors(score, daemon)
        score.finds("sslyze", weak_by_sslyze(pair), WEAK_BY_SSLYZE)
        score.clean("testssl, RSA certificate", slow.result())
        score.finds("testssl", weak_slow.result(), WEAK_BY_TESTSSL)
    print(f"{score.passed} passed, {score.failed} failed")
    return 1 if score.failed else 0


if __name__ == "__main__":
    sys.exit(main())
