"""The bill of materials (LR-54, LM-88) is valid to a validator that is not ours, complete to cargo and npm
themselves, and the same whenever it is made. Run by `./dev step sbom`."""
import json
import pathlib
import subprocess
import sys
import tomllib
import unittest

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEB = ROOT / "daemon/console/web"
MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
WORKSPACE, VERSION = MANIFEST["dependencies"], MANIFEST["package"]["version"]


def made():
    return subprocess.run([sys.executable, ROOT / ".ci/sbom.py", ROOT], check=True, capture_output=True, text=True).stdout


def refused(text):
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is not None


class Bill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = made()
        cls.bill = json.loads(cls.text)
        cls.refs = {component["bom-ref"] for component in cls.bill["components"]}

    def test_the_schema_accepts_it(self):
        self.assertFalse(refused(self.text))

    def test_the_schema_refuses_a_broken_one(self):
        for break_it in (
            lambda bill: bill.pop("bomFormat"),
            lambda bill: bill.update(serialNumber="urn:uuid:no"),
            lambda bill: bill["components"][0].pop("name"),
            lambda bill: bill["components"].append(bill["components"][0]),
        ):
            bill = json.loads(self.text)
            break_it(bill)
            self.assertTrue(refused(json.dumps(bill)))

    def test_it_is_the_same_every_time(self):
        self.assertEqual(self.text, made())
        self.assertNotIn(str(ROOT), self.text)

    def test_what_our_crates_name_is_in_it_and_what_only_tests_need_is_not(self):
        names = {name for name, _ in (ref.removeprefix("pkg:cargo/").rsplit("@", 1) for ref in self.refs if ref.startswith("pkg:cargo/"))}
        ours, waiting = set(), ["revkeep"]
        while waiting:
            manifest = tomllib.loads((ROOT / "daemon" / waiting.pop() / "Cargo.toml").read_text())
            for name, entry in {**manifest["dependencies"], **manifest.get("build-dependencies", {})}.items():
                if isinstance(entry, dict) and entry.get("optional") or name in ours:
                    continue
                ours.add(name)
                if (ROOT / "daemon" / name / "Cargo.toml").is_file():
                    waiting.append(name)
        renamed = {name for name, entry in WORKSPACE.items() if isinstance(entry, dict) and "package" in entry}
        self.assertGreater(len(ours), 60)
        self.assertEqual(ours - names - renamed, set())
        for development in ("proptest", "it", "stack", "simulators", "bench", "xtask"):
            self.assertNotIn(development, names)
        lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
        locked = {f"pkg:cargo/{package['name']}@{package['version']}" for package in lock}
        self.assertLessEqual({ref for ref in self.refs if ref.startswith("pkg:cargo/")}, locked)

    def test_npm_names_the_same_packages(self):
        listed = subprocess.run(
            ["npm", "ls", "--omit=dev", "--all", "--package-lock-only", "--json"],
            cwd=WEB, check=True, capture_output=True, text=True).stdout
        named = set()

        def walk(entry):
            for name, package in entry.get("dependencies", {}).items():
                if "version" in package:
                    named.add(f"pkg:npm/{name.replace('@', '%40', 1)}@{package['version']}")
                walk(package)

        walk(json.loads(listed))
        self.assertGreater(len(named), 20)
        self.assertEqual(named - self.refs, set())
        ours = {ref for ref in self.refs if ref.startswith("pkg:npm/")}
        # npm leaves out of its tree what is there for another platform or as an optional peer.
        self.assertLessEqual(len(ours - named), 5, ours - named)

    def test_what_comes_from_a_registry_has_its_hash_and_everything_a_licence(self):
        for component in self.bill["components"]:
            local = component["purl"].startswith("pkg:cargo/") and component["version"] == VERSION and (ROOT / "daemon" / component["name"]).is_dir()
            self.assertEqual("hashes" not in component, local, component["bom-ref"])
            self.assertTrue(component["licenses"][0]["expression"])

    def test_every_edge_leads_to_a_component(self):
        known = self.refs | {self.bill["metadata"]["component"]["bom-ref"]}
        edges = self.bill["dependencies"]
        self.assertEqual({edge["ref"] for edge in edges}, known)
        for edge in edges:
            self.assertLessEqual(set(edge["dependsOn"]), known)


if __name__ == "__main__":
    unittest.main()
