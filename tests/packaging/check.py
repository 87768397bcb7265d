"""What can be said of the packages without making them: that both hold the same files, those of the
golden list with their modes, that systemd and AppArmor understand what is theirs, and that systemd finds
the units confined enough.
Ends with `N passed, N failed`."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/package-files.txt"
MANIFEST = ROOT / "daemon/revkeep/Cargo.toml"
UNITS = ROOT / "packaging/systemd"
STAGE = "target/package/stage/"
# systemd-analyze security, in tenths.
MOST_EXPOSED = 12
# The same file at each distribution's place.
PLACES = {
    "/usr/share/zsh/site-functions/": "/usr/share/zsh/vendor-completions/",
    "/usr/share/licenses/revkeep/licences.txt.gz": "/usr/share/doc/revkeep/licences.txt.gz",
}
ONLY_DEB = {"/etc/apparmor.d/revkeep", "/usr/share/lintian/overrides/revkeep"}
ONLY_RPM = {"/usr/share/licenses/revkeep/LICENSE", "/usr/share/selinux/packages/revkeep.cil"}


def expanded(source, destination, mode):
    """Each file of an asset as (mode, place); what is staged stays a pattern."""
    destination = "/" + destination.lstrip("/")
    if source.startswith(STAGE):
        names = [pathlib.PurePath(source).name]
    else:
        found = sorted(ROOT.glob(source))
        assert found, f"{source} is not in the repository"
        names = [path.name for path in found]
    for name in names:
        yield mode, destination + name if destination.endswith("/") else destination


def deb_files(metadata):
    files = set()
    for source, destination, mode in metadata["deb"]["assets"]:
        files |= set(expanded(source.removeprefix("../../"), destination, mode))
    return files


def rpm_files(metadata):
    files = set()
    for asset in metadata["generate-rpm"]["assets"]:
        for mode, place in expanded(asset["source"], asset["dest"], asset["mode"]):
            for theirs, ours in PLACES.items():
                place = place.replace(theirs, ours)
            files.add((mode, place))
    return files


def same_files(metadata):
    deb, rpm = deb_files(metadata), rpm_files(metadata)
    difference = {place for _, place in deb ^ rpm} - ONLY_DEB - ONLY_RPM
    assert not difference, f"only one package has, or with another mode: {sorted(difference)}"


def golden_files(metadata):
    listed = "".join(f"{mode} {place}\n" for mode, place in sorted(deb_files(metadata), key=lambda file: file[1]))
    if "--bless" in sys.argv:
        GOLDEN.write_text(listed)
    assert GOLDEN.read_text() == listed, f"differs from {GOLDEN}; look at it, then run this with --bless:\n{listed}"


def configuration_is_kept(metadata):
    kept = [asset["dest"] for asset in metadata["generate-rpm"]["assets"] if asset.get("config") == "noreplace"]
    assert kept == ["/etc/revkeep/revkeep.toml"], kept
    assert ("640", "/etc/revkeep/revkeep.toml") in deb_files(metadata)


def unit(folder, profile=None):
    """The service as a machine would read it, with a program that is there."""
    text = (UNITS / "revkeep.service").read_text().replace("=/usr/bin/revkeep serve", "=/bin/true")
    if profile:
        lines = (UNITS / f"network/{profile}.conf").read_text()
        text = text.replace("[Install]", lines.replace("[Service]", "") + "\n[Install]")
    path = pathlib.Path(folder) / "revkeep.service"
    path.write_text(text)
    return path


def understood(_):
    with tempfile.TemporaryDirectory() as folder:
        service = unit(folder)
        socket = shutil.copy(UNITS / "revkeep.socket", folder)
        run = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", service, socket], capture_output=True, text=True
        )
        # An unknown setting is only a warning there.
        assert run.returncode == 0 and not run.stderr.strip(), run.stderr


def profile_understood(_):
    parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
    run = subprocess.run(
        [parser, "--skip-kernel-load", "--skip-cache", "--debug", ROOT / "packaging/apparmor/revkeep"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def confined(profile):
    def check(_):
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run(
                ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSED}", unit(folder, profile)],
                capture_output=True,
                text=True,
            )
            print("     ", run.stdout.strip().splitlines()[-1])
            open_ways = [line for line in run.stdout.splitlines() if line.startswith("✗")]
            assert run.returncode == 0, "\n      ".join(open_ways)

    return check


CHECKS = {
    "both packages hold the same files": same_files,
    "they are the ones that are listed": golden_files,
    "the configuration is kept on an upgrade, and not everybody's to read": configuration_is_kept,
    "systemd understands the units": understood,
    "AppArmor understands the profile": profile_understood,
    "the unit is confined: airgap": confined("airgap"),
    "the unit is confined: proxy": confined("proxy"),
    "the unit is confined: direct": confined("direct"),
}


def main():
    metadata = tomllib.loads(MANIFEST.read_text())["package"]["metadata"]
    failed = 0
    for name, check in CHECKS.items():
        try:
            check(metadata)
            print("PASS ", name)
        except (AssertionError, OSError) as error:
            failed += 1
            print("FAIL ", name, "\n     ", error)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
