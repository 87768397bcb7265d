"""Shows that the attack tests can fail: a copy of the tree in which each control can be switched off, one
at a time, and the tests that must then fail.

    run.py [NAME...]     builds the copy, switches off each control named (all of them without a name)
    run.py --check       builds nothing: every weakening still fits the sources, every test exists

All weakenings are in one build. `{off}` in what a weakening puts becomes a condition that holds while that
weakening is switched on, so that the build as it stands, with nothing on, must pass the same tests first.
Ends with `N passed, N failed`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SWITCH = """
/// Whether a test has switched this control off.
pub fn weakened(name: &str) -> bool {
    std::env::var("REVKEEP_WEAKENED").is_ok_and(|on| on == name)
}
"""
# Enough for the slowest test on a machine that does other things as well.
LONGEST_SECONDS = 300


def weakenings():
    """Every [[weakening]] of the files beside this one: name, what, file, find, put, tests."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        found += tomllib.loads(path.read_text())["weakening"]
    names = [each["name"] for each in found]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        sys.exit(f"two weakenings have one name: {', '.join(sorted(doubled))}")
    return found


def misfits(weakening):
    """Why a weakening does not fit the sources any more; empty when it does."""
    path = ROOT / weakening["file"]
    if not path.is_file():
        return [f"{weakening['file']} is not there"]
    wrong = []
    times = path.read_text().count(weakening["find"])
    if times != 1:
        wrong.append(f"what it looks for stands {times} times in {weakening['file']}")
    if "{off}" not in weakening["put"]:
        wrong.append("it cannot be switched: what it puts has no {off}")
    wrong += [f"there is no test {test}" for test in weakening["tests"] if not test_exists(test)]
    return wrong


def test_exists(test):
    package, *modules, name = test.split("::")
    folder = ROOT / ("tests" if package == "it" else "daemon") / package / "src"
    sources = list(folder.rglob("*.rs"))
    holds = re.compile(rf"fn {re.escape(name)}\b")
    parts = [module for module in modules if module != "tests"]
    return any(
        holds.search(source.read_text())
        for source in sources
        if all(part in source.relative_to(folder).with_suffix("").parts for part in parts)
    )


def weakened_copy(tree, chosen):
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode().split("\0")
    for name in listed:
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    dist = "daemon/console/web/dist"
    if (ROOT / dist).is_dir():
        shutil.copytree(ROOT / dist, tree / dist)
    with open(tree / "daemon/kernel/src/lib.rs", "a") as kernel:
        kernel.write(SWITCH)
    for weakening in chosen:
        path = tree / weakening["file"]
        off = f'kernel::weakened("{weakening["name"]}")'
        put = weakening["put"].replace("{off}", off)
        path.write_text(path.read_text().replace(weakening["find"], put))


def build(tree, packages):
    """The test program of each package, by its name."""
    environment = os.environ | {"CARGO_NET_OFFLINE": "true", "CARGO_TARGET_DIR": str(tree.parent)}
    subprocess.run(
        ["cargo", "build", "--quiet", "-p", "simulators", "-p", "stack", "-p", "revkeep", "--bins"],
        cwd=tree, check=True, env=environment,
    )
    selected = [word for package in packages for word in ("-p", package)]
    built = subprocess.run(
        ["cargo", "test", "--no-run", "--lib", "--message-format=json", *selected],
        cwd=tree, check=True, env=environment, stdout=subprocess.PIPE,
    )
    programs = {}
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["profile"]["test"]:
            programs[message["target"]["name"]] = message["executable"]
    return programs


def run_tests(tree, programs, tests, on=None):
    """Whether they passed, and what was printed."""
    environment = os.environ | {"RUST_BACKTRACE": "0"}
    environment.pop("REVKEEP_WEAKENED", None)
    if on:
        environment["REVKEEP_WEAKENED"] = on
    said, passed = "", True
    for package in sorted({test.split("::")[0] for test in tests}):
        names = [test.split("::", 1)[1] for test in tests if test.split("::")[0] == package]
        folder = tree / ("tests" if package == "it" else "daemon") / package
        done = subprocess.run(
            [programs[package], "--exact", *names],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=LONGEST_SECONDS * len(names),
        )
        said += done.stdout
        passed = passed and done.returncode == 0
        if f"running {len(names)} test" not in done.stdout:
            sys.exit(f"not every test of {', '.join(names)} was there to run:\n{done.stdout}")
    return passed, said


def reason(said):
    """The first lines of the panic that ended a test."""
    panic = re.search(r"panicked at [^\n]*\n([^\n]*)", said)
    return panic.group(1)[:160] if panic else "it ended without a panic"


def judge(tree, programs, weakening):
    """Every one of its tests must fail while the control is off."""
    lines, missed = [], 0
    for test in weakening["tests"]:
        passed, said = run_tests(tree, programs, [test], weakening["name"])
        lines.append(
            f"failed: {weakening['name']} ({weakening['what']}): {test} passed all the same"
            if passed
            else f"passed: {weakening['name']} ({weakening['what']}): {test}\n    {reason(said)}"
        )
        missed += passed
    return lines, len(weakening["tests"]) - missed, missed


def main(arguments):
    known = weakenings()
    wrong = [f"{each['name']}: {why}" for each in known for why in misfits(each)]
    if wrong or arguments == ["--check"]:
        print("\n".join([*wrong, f"{len(known)} weakenings, {len(wrong)} of them do not fit"]))
        return 1 if wrong else 0
    unknown = set(arguments) - {each["name"] for each in known}
    if unknown:
        sys.exit(f"there is no weakening {', '.join(sorted(unknown))}")
    chosen = [each for each in known if not arguments or each["name"] in arguments]
    tests = sorted({test for each in chosen for test in each["tests"]})
    # A target folder of its own: artifacts of a weakened tree must never pass for those of the real one.
    tree = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "weakened" / "tree"
    weakened_copy(tree, chosen)
    programs = build(tree, sorted({test.split("::")[0] for test in tests}))
    sound, said = run_tests(tree, programs, tests)
    if not sound:
        print(said)
        print("failed: the tests do not pass with every control on")
        print("0 passed, 1 failed")
        return 1
    print(f"passed: {len(tests)} tests with every control on", flush=True)
    passed, failed = 1, 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        judged = pool.map(lambda each: judge(tree, programs, each), chosen)
        for lines, good, bad in judged:
            print("\n".join(lines), flush=True)
            passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
