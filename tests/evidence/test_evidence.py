"""What a build signs about itself is what its checks came to, and openssl finds the signature good. Run by
`./dev step evidence`."""
import importlib.util
import json
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("evidence", ROOT / ".ci/evidence.py")
evidence = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(evidence)


BILL = b'{"components": []}'


def steps(**other):
    """Every step passes but for those that are named, as (exit status, last line)."""
    return lambda name: other.get(name, (0, "nothing found"))


class Checks(unittest.TestCase):
    def test_every_check_is_a_step_of_the_tests(self):
        listed = (ROOT / ".ci/steps.sh").read_text()
        for step in evidence.STEPS.values():
            self.assertIn(f'\n    "{step}|', listed)

    def test_a_step_that_fails_is_a_check_that_failed(self):
        told = {"checks": evidence.checks(BILL, steps(secrets=(1, "1 secrets in 3 files")))}
        self.assertEqual(told["checks"]["secrets"], {"passed": False, "evidence": "1 secrets in 3 files"})
        self.assertEqual(evidence.failed(told), ["secrets"])
        self.assertEqual(evidence.failed({"checks": evidence.checks(BILL, steps())}), [])

    def test_a_step_that_could_not_be_made_is_no_check(self):
        made = evidence.checks(BILL, steps(advisories=(77, "NOT CHECKED")))
        self.assertEqual(set(evidence.STEPS) - set(made), {"advisories"})

    def test_what_a_step_exits_with_is_what_counts(self):
        status, line = evidence.step("no_such_step")
        self.assertNotEqual(status, 0)
        self.assertIn("no_such_step", line)
        self.assertEqual(evidence.step("weakenings")[0], 0)


class Signature(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.key = self.folder / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True)
        self.path = self.folder / "build-manifest.json"
        told = evidence.manifest(b"abc", evidence.checks(BILL, steps()), BILL)
        evidence.write(self.key, told, self.path)

    def holds(self):
        signature = self.folder / "signature"
        signature.write_bytes(bytes.fromhex((self.folder / "build-manifest.json.sig").read_text()))
        told = subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-rawin", "-inkey", self.key, "-in", self.path, "-sigfile", signature],
            capture_output=True,
        )
        return told.returncode == 0

    def test_the_signature_is_over_these_bytes_alone(self):
        self.assertTrue(self.holds())
        self.path.write_bytes(self.path.read_bytes().replace(b"true", b"frue", 1))
        self.assertFalse(self.holds())

    def test_the_manifest_names_the_program_the_version_and_the_commit(self):
        told = json.loads(self.path.read_text())
        self.assertEqual(told["program"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertEqual(told["commit"], head.stdout.strip())
        self.assertIn(f'\nversion = "{told["version"]}"\n', (ROOT / "Cargo.toml").read_text())

    def test_the_public_half_is_32_bytes(self):
        self.assertEqual(len(bytes.fromhex(evidence.public_half(str(self.key)))), 32)

    def test_a_checkout_that_is_not_clean_is_refused(self):
        copy = self.folder / "copy"
        (copy / ".ci").mkdir(parents=True)
        (copy / ".ci/evidence.py").write_bytes((ROOT / ".ci/evidence.py").read_bytes())
        subprocess.run(["git", "init", "--quiet", copy], check=True)
        out = self.folder / "out"
        done = subprocess.run(
            ["python3", copy / ".ci/evidence.py", "--key", self.key, "--program", self.key, "--out", out],
            capture_output=True,
            text=True,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not clean", done.stderr)
        self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
