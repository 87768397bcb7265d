"""Looks for secrets in the files that git would commit and in every line that a commit of the history added
(LM-65, LM-66), with the detectors of detect-secrets that know a secret by its form, and one for tokens of OpenBao. What it finds is told by
place and kind and never shown.

    secrets.py            run by `./dev step secrets`; exits with 1 when something is found

.ci/secrets-known.toml lists lines that look like a secret and hold none, by the SHA-256 of the whole line without
its indentation, with the reason.
"""
import hashlib
import pathlib
import re
import subprocess
import sys
import tomllib

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector

ROOT = pathlib.Path(__file__).resolve().parents[1]
KNOWN = ROOT / ".ci/secrets-known.toml"
# They guess, by names and by entropy, or find what is no secret, and would cry wolf about tests and hashes.
GUESSING = {"Secret Keyword", "Base64 High Entropy String", "Hex High Entropy String", "Public IP (ipv4)"}
# Files that are there to hold secrets, whatever is in them.
MADE_FOR_SECRETS = re.compile(r"(^|/)(\.env(\.[^/]*)?|\.netrc|\.pgpass|id_(rsa|ed25519|ecdsa)|[^/]*\.(p12|pfx|jks|kdbx))$")
# Characters; no detector's pattern is slow on twice as many.
PIECE = 2048


class OpenBaoToken(RegexBasedDetector):
    secret_type = "OpenBao Token"
    denylist = [re.compile(r"hv[sb]\.[A-Za-z0-9_-]{24,}")]


class EncryptedKey(RegexBasedDetector):
    """PKCS#8 under a password, which the scanner's own detector of keys passes over."""

    secret_type = "Encrypted Private Key"
    denylist = [re.compile(r"BEGIN ENCRYPTED[ ]PRIVATE KEY")]


def git(*command):
    return subprocess.run(["git", *command], cwd=ROOT, check=True, capture_output=True).stdout.decode(errors="replace")


def detectors():
    classes = get_mapping_from_secret_type_to_class()
    return [OpenBaoToken(), EncryptedKey(), *(made() for kind, made in classes.items() if kind not in GUESSING)]


class Search:
    """Each line is looked at once, however many commits added it."""

    def __init__(self, known):
        self.detectors, self.known = detectors(), known
        self.used, self.judged, self.found = set(), {}, []

    def line(self, place, text):
        text = text.strip()
        if text not in self.judged:
            self.judged[text] = self.kinds(text)
        self.found += [f"{place}: {kind}" for kind in self.judged[text]]

    def kinds(self, text):
        """What kinds of secret are in a line. A long line is cut into pieces that overlap."""
        pieces = [text[at : at + 2 * PIECE] for at in range(0, max(len(text) - PIECE, 1), PIECE)]
        kinds = {secret.type for piece in pieces for each in self.detectors for secret in each.analyze_line("", piece, 1)}
        digest = hashlib.sha256(text.encode()).hexdigest()
        if kinds and digest in self.known:
            self.used.add(digest)
            return []
        return [f"{kind} (line's SHA-256: {digest})" for kind in sorted(kinds)]

    def file(self, path):
        if MADE_FOR_SECRETS.search(path):
            self.found.append(f"{path}: a file that is made for secrets")
        data = (ROOT / path).read_bytes()
        if b"\0" not in data:
            for number, text in enumerate(data.decode(errors="replace").splitlines(), 1):
                self.line(f"{path}:{number}", text)

    def history(self):
        """How many commits it saw."""
        # A binary file has no line in what follows, so names are read for themselves.
        for path in git("log", "--format=", "--name-only", "-z", "--diff-filter=A", "--no-renames", "-m", "HEAD").split("\0"):
            if MADE_FOR_SECRETS.search(path.strip()):
                self.found.append(f"{path.strip()}: a file of the history that is made for secrets")
        commit, path, commits, heading = "", "", 0, True
        log = git("log", "--format=commit %h", "--unified=0", "--no-color", "--no-ext-diff", "--no-renames", "-p", "-m", "HEAD")
        for text in log.split("\n"):
            if text.startswith("commit "):
                commit, commits = text.removeprefix("commit "), commits + 1
            elif text.startswith("diff --git "):
                heading = True
            elif text.startswith("@@ "):
                heading = False
            elif heading:
                if text.startswith("+++ "):
                    path = text.removeprefix("+++ b/")
            elif text.startswith("+"):
                self.line(f"{commit}:{path}", text[1:])
        return commits


def committed():
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate").split("\0")
    return [path for path in listed if (ROOT / path).is_file()]


def main():
    search = Search({each["line"] for each in tomllib.loads(KNOWN.read_text())["known"]})
    files = committed()
    for path in files:
        search.file(path)
    # A tree that nobody has committed has no history yet.
    commits = search.history() if git("rev-list", "-n", "1", "--all") else 0
    shallow = git("rev-parse", "--is-shallow-repository").strip() == "true"
    if shallow:
        print(f"secrets: the clone is shallow, so of its history only {commits} commits are searched")
    if commits and not shallow:
        search.found += [f".ci/secrets-known.toml: no line has {digest} any more" for digest in search.known - search.used]
    for found in search.found:
        print(f"secrets: {found}")
    print(f"{len(search.found)} secrets in {len(files)} files and {commits} commits, by {len(search.detectors)} detectors")
    return 1 if search.found else 0


if __name__ == "__main__":
    sys.exit(main())
