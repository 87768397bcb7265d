"""testssl's findings. Every one counts, LOW too: it rates TLS 1.1 no higher."""

import json
import os
import signal
import subprocess

COUNTS_NOT = {"OK", "INFO"}
EXCLUDED = {
    # Of the machine that scans: its openssl has no GOST, which is asked of no server here.
    "engine_problem",
    # A private authority for one appliance has neither a list of what it revoked nor a responder. A certificate
    # of the customer's own authority names them if that has them; the daemon serves it as it is.
    "cert_revocation",
}
# A scan that left one of these out proves nothing.
WANTED = """
    SSLv2 SSLv3 TLS1 TLS1_1 TLS1_2 TLS1_3
    cipherlist_NULL cipherlist_aNULL cipherlist_EXPORT cipherlist_LOW cipherlist_3DES_IDEA cipher_order
    cert_signatureAlgorithm cert_keySize cert_trust cert_chain_of_trust
    HSTS_time HSTS_subdomains X-Frame-Options X-Content-Type-Options Content-Security-Policy
    heartbleed CCS ticketbleed ROBOT secure_renego secure_client_renego CRIME_TLS BREACH POODLE_SSL fallback_SCSV
    SWEET32 FREAK DROWN LOGJAM BEAST LUCKY13 RC4
""".split()
# Protocols, categories of suites, certificate, headers, vulnerabilities, and whose order of suites counts, which
# takes long where there are many. Forward secrecy and each single suite are sslyze's, which is far quicker.
# Not --fast: it asks by this machine's openssl instead of its own packets, which no longer knows the worst.
SECTIONS = ("-p", "-s", "-S", "-h", "-U")
ORDER = "-P"
HANGS_AFTER = 300


def scan(address, trusted, folder, sections=SECTIONS, again=True):
    """The checks by name, each with what it found. Asked once again where testssl says that it could not ask."""
    host, port = address
    report = folder / f"testssl-{port}.json"
    program = subprocess.Popen(
        ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", host,
         "--add-ca", trusted, "--jsonfile", report, *sections, f"localhost:{port}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        program.wait(HANGS_AFTER)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        return {"complete": [f"it did not end within {HANGS_AFTER} s"], "findings": []}
    try:
        rows = json.loads(report.read_text())
    except (FileNotFoundError, json.JSONDecodeError) as error:
        return {"complete": [f"it left no whole report: {error}"], "findings": []}
    if again and any("connect problem" in row["finding"] for row in rows):
        report.unlink()
        return scan(address, trusted, folder, sections, again=False)
    seen = {row["id"] for row in rows}
    return {
        "complete": [f"{name} was not looked at" for name in WANTED if name not in seen],
        "findings": [f"{row['severity']} {row['id']}: {row['finding'][:120]}" for row in rows
                     if row["severity"] not in COUNTS_NOT and row["id"] not in EXCLUDED],
    }
