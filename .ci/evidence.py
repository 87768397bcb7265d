"""The results of a build's checks, as a manifest that is signed with a key that the build is given. `revkeep
verify` believes it when the program carries the public half (REVKEEP_BUILD_KEY while it is compiled, in
hexadecimal), is of the version and has the hash that it names, and it is not too old.

    python3 .ci/evidence.py --key KEY.pem --public            prints the public half, for REVKEEP_BUILD_KEY
    python3 .ci/evidence.py --key KEY.pem --program PROGRAM --out FOLDER

KEY.pem is an Ed25519 key of `openssl genpkey -algorithm ed25519`; only openssl reads it. Nobody's word is taken for
a result: the steps of ./dev test that make the checks are run here and now, over a clean checkout. Writes
build-manifest.json, build-manifest.json.sig and revkeep.cdx.json. Ends with an error when a check fails; the
manifest then says so, too.
"""
import argparse
import datetime
import hashlib
import json
import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
# The name of a check, and the step of ./dev that makes it.
STEPS = {
    "advisories": "advisories",
    "bill_of_materials": "sbom",
    "licences": "licences",
    "one_provider": "one_provider",
    "secrets": "secrets",
}
SKIPPED = 77


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def read(*command):
    """What a command says that must not fail."""
    done = run(*command)
    if done.returncode:
        sys.exit(f"evidence: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def openssl(*command):
    return subprocess.run(["openssl", *command], check=True, capture_output=True).stdout


def public_half(key):
    """The 32 bytes at the end of the SubjectPublicKeyInfo (RFC 8410, section 4)."""
    return openssl("pkey", "-in", key, "-pubout", "-outform", "DER")[-32:].hex()


def step(name):
    """The exit status of a step, and the last line that it wrote."""
    done = run("bash", "dev", "step", name)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode, lines[-1] if lines else "nothing found"


def checks(bill, make=step):
    """Each check that was made: whether it passed, and a line on it. One that could not be made is left out. `bill`
    is the bill of materials, of which the line tells which one it was."""
    made = {}
    for name, of in STEPS.items():
        status, line = make(of)
        if status != SKIPPED:
            made[name] = {"passed": status == 0, "evidence": line}
    if "bill_of_materials" in made:
        which = f"{len(json.loads(bill)['components'])} components, SHA-256 {sha256(bill)}"
        made["bill_of_materials"]["evidence"] += f" ({which})"
    return made


def manifest(program, made, bill):
    """Of the program's bytes, the checks and the bill of materials."""
    return {
        "format": "revkeep-build-1",
        "version": tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"],
        "commit": read("git", "rev-parse", "HEAD").strip(),
        "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "program": sha256(program),
        "checks": made,
        "files": {"revkeep.cdx.json": sha256(bill), "Cargo.lock": sha256((ROOT / "Cargo.lock").read_bytes())},
    }


def write(key, told, path):
    """The manifest, and beside it its signature in hexadecimal."""
    path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", str(path))
    path.with_name(path.name + ".sig").write_text(signature.hex() + "\n")


def failed(told):
    return [name for name, check in told["checks"].items() if not check["passed"]]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--key", required=True)
    options.add_argument("--public", action="store_true")
    options.add_argument("--program")
    options.add_argument("--out")
    asked = options.parse_args()
    if asked.public:
        print(public_half(asked.key))
        return
    if not asked.program or not asked.out:
        options.error("--program and --out are needed")
    if read("git", "rev-parse", "--is-shallow-repository").strip() == "true":
        sys.exit("evidence: the clone is shallow, so nobody can say what its history holds")
    if read("git", "status", "--porcelain").strip():
        sys.exit("evidence: the checkout is not clean, so its commit would not say what was checked")
    out = pathlib.Path(asked.out)
    out.mkdir(parents=True, exist_ok=True)
    bill = read(sys.executable, ".ci/sbom.py").encode()
    (out / "revkeep.cdx.json").write_bytes(bill)
    told = manifest(pathlib.Path(asked.program).read_bytes(), checks(bill), bill)
    write(asked.key, told, out / "build-manifest.json")
    for name, check in told["checks"].items():
        print(f"{name}: {'passed' if check['passed'] else 'FAILED'}: {check['evidence']}")
    if failed(told):
        sys.exit(f"evidence: {', '.join(failed(told))} failed, and the manifest says so")


if __name__ == "__main__":
    main()
