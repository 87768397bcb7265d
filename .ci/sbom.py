"""The bill of materials of the daemon, as CycloneDX 1.6 JSON on standard output: every crate that is linked
into `revkeep` or runs in its build, and every npm package that the web application embeds. What only tests
need is not in it. It says the same for the same lock files, whoever makes it and when: no time, no path, and
a serial number that is drawn from the contents.

    python3 .ci/sbom.py [ROOT] > revkeep.cdx.json
"""
import base64
import json
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

TARGET = "x86_64-unknown-linux-gnu"
WEB = "daemon/console/web/package-lock.json"
# A namespace of our own for serial numbers (RFC 9562, section 5.5).
SERIALS = uuid.UUID("8f1d4c9e-0a51-5c0d-9b0e-6d5a1f0b7c21")


def cargo_components(root):
    """Components and edges of the crates below `revkeep`: {ref: component}, {ref: [refs]}, the daemon's ref."""
    metadata = json.loads(cargo(root, "metadata", "--format-version", "1", "--filter-platform", TARGET))
    packages = {f"{p['name']}@{p['version']}": p for p in metadata["packages"]}
    lock = tomllib.loads((root / "Cargo.lock").read_text())
    sums = {f"{p['name']}@{p['version']}": p.get("checksum") for p in lock["package"]}
    # With the features that the daemon itself asks for, which `metadata` does not know. A crate that stood
    # there before is not opened again, so its edges are those of the first time.
    tree = cargo(root, "tree", "-p", "revkeep", "-e", "normal,build", "--prefix", "depth", "--target", TARGET)
    components, edges, path = {}, {}, []
    for depth, name, version in re.findall(r"^(\d+)(\S+) v(\S+)", tree, re.M):
        ref = f"pkg:cargo/{name}@{version}"
        del path[int(depth):]
        if path:
            edges[path[-1]].add(ref)
        path.append(ref)
        edges.setdefault(ref, set())
        components[ref] = crate(ref, packages[f"{name}@{version}"], sums[f"{name}@{version}"])
    daemon = next(iter(components))
    return components, {ref: sorted(needs) for ref, needs in edges.items()}, daemon


def cargo(root, *command):
    return subprocess.run(["cargo", *command, "--locked", "--offline"], cwd=root, check=True, capture_output=True, text=True).stdout


def crate(ref, package, checksum):
    component = {"type": "application" if package["name"] == "revkeep" else "library", "bom-ref": ref,
                 "name": package["name"], "version": package["version"], "purl": ref}
    if package.get("license"):
        # The older way of writing a choice.
        component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return component


def npm_components(root):
    """Components and edges of what the web application embeds, and the refs that it names itself."""
    places = json.loads((root / WEB).read_text())["packages"]
    kept = {place: entry for place, entry in places.items() if place and not entry.get("dev") and not entry.get("link")}
    components, edges = {}, {}
    for place, entry in kept.items():
        ref = npm_ref(place, entry)
        components[ref] = npm_package(ref, place, entry)
        edges[ref] = named(kept, place, entry)
    return components, edges, named(kept, "", places[""])


def npm_ref(place, entry):
    name = place.rsplit("node_modules/", 1)[1]
    return f"pkg:npm/{name.replace('@', '%40', 1)}@{entry['version']}"


def npm_package(ref, place, entry):
    name = place.rsplit("node_modules/", 1)[1]
    component = {"type": "library", "bom-ref": ref, "name": name, "version": entry["version"], "purl": ref}
    if "license" in entry:
        component["licenses"] = [{"expression": entry["license"]}]
    algorithm, _, value = entry.get("integrity", "").partition("-")
    if algorithm == "sha512":
        component["hashes"] = [{"alg": "SHA-512", "content": base64.b64decode(value).hex()}]
    return component


def named(kept, place, entry):
    """The packages that `entry` gets for its dependencies: those nearest to it, as Node.js looks for them."""
    found = set()
    wanted = {**entry.get("dependencies", {}), **entry.get("optionalDependencies", {}), **entry.get("peerDependencies", {})}
    for name in wanted:
        folder = place
        while True:
            near = f"{folder}/node_modules/{name}".lstrip("/")
            if near in kept:
                found.add(npm_ref(near, kept[near]))
                break
            if not folder:
                break
            folder = folder.rpartition("/node_modules/")[0] if "/node_modules/" in folder else ""
    return sorted(found)


def bill(root):
    crates, edges, daemon = cargo_components(root)
    packages, more, embedded = npm_components(root)
    edges = {**edges, **more}
    edges[daemon] = sorted(set(edges[daemon]) | set(embedded))
    product = crates.pop(daemon)
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": product},
        "components": [component for _, component in sorted({**crates, **packages}.items())],
        "dependencies": [{"ref": ref, "dependsOn": needs} for ref, needs in sorted(edges.items())],
    }
    serial = uuid.uuid5(SERIALS, json.dumps(body, sort_keys=True))
    return {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "serialNumber": f"urn:uuid:{serial}", **body}


if __name__ == "__main__":
    where = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    json.dump(bill(where), sys.stdout, indent=1, ensure_ascii=False)
    print()
