# ./dev package, sourced by ./dev: the deb and the rpm, from one build of the program. The same commit
# gives the same bytes: every time in them is the commit's.

PACKAGES=target/package

# package [--quick] [--key KEY.pem]: with --quick the program is built as for development, to try the form.
# With a key the packages bring the results of the build's checks, signed (docs/security/verify.md).
package() {
    local profile=release key=
    while [ $# -gt 0 ]; do
        case $1 in
            --quick) profile=dev ;;
            --key)
                key=${2:-}
                [ -f "$key" ] || die "--key needs the file of an Ed25519 key (openssl genpkey -algorithm ed25519)"
                shift
                ;;
            *) die "package knows no option $1" ;;
        esac
        shift
    done
    setup_for package
    [ -z "$key" ] || package_key "$key"
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    export SOURCE_DATE_EPOCH
    say "package: building the program ($profile)"
    cargo build --quiet --locked -p revkeep --bin revkeep --profile "$profile"
    package_stage "$profile"
    package_evidence "$key"
    # Packing what nobody installs tightly would take minutes.
    DEB_PACKING=() RPM_PACKING=()
    [ "$profile" = release ] || { DEB_PACKING=(--fast) RPM_PACKING=(--payload-compress gzip); }
    package_pair "$PACKAGES"
    package_reproducible
    package_judge
    say "" && (cd "$PACKAGES" && sha256sum ./*.deb ./*.rpm)
}

# Where cargo puts the programs of a profile.
profile_folder() { if [ "$1" = dev ]; then echo debug; else echo "$1"; fi; }

# What is made for the packages and is no file of the repository.
package_stage() {
    local stage=$PACKAGES/stage program date
    program=${CARGO_TARGET_DIR:-target}/$(profile_folder "$1")/revkeep
    rm -rf "$stage" && mkdir -p "$stage"
    strip -o "$stage/revkeep" "$program"
    "$program" papers --to "$stage"
    cargo xtask notices "$stage"
    gzip -9n "$stage"/man/*.1 "$stage/licences.txt"
    package_copyright >"$stage/copyright"
    date=$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
    package_changelog "$date" >"$stage/changelog.Debian"
}

# The program carries the public half, and believes no other.
package_key() {
    setup_for lint
    sbom_tools
    REVKEEP_BUILD_KEY=$(python3 .ci/evidence.py --key "$1" --public)
    export REVKEEP_BUILD_KEY
}

# The bill of materials; with a key also the manifest, which has the bill's hash, and its signature.
package_evidence() {
    local folder=$PACKAGES/stage/build
    mkdir -p "$folder"
    if [ -n "$1" ]; then
        say "package: running the checks that the manifest tells of"
        python3 .ci/evidence.py --key "$1" --program "$PACKAGES/stage/revkeep" --out "$folder"
    else
        python3 .ci/sbom.py >"$folder/revkeep.cdx.json"
    fi
}

package_version() { sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1; }

package_copyright() {
    cat <<'TEXT'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: revkeep
Comment: The components that the program contains, their licences and the texts of these are in
 licences.txt.gz in this folder, and as CycloneDX in sbom.cdx.json.

Files: *
Copyright: 2026 the Revkeep authors
License: Apache-2.0
 On Debian systems the full text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
TEXT
}

package_changelog() {
    printf 'revkeep (%s-1) stable; urgency=medium\n\n  * See changes in CHANGELOG.md of the sources.\n\n' "$(package_version)"
    printf ' -- Revkeep maintainers <maintainers@revkeep.example>  %s\n' "$1"
}

# package_pair FOLDER: makes both packages in FOLDER.
package_pair() {
    local folder
    folder=$(mkdir -p "$1" && cd "$1" && pwd)
    rm -f "$folder"/*.deb "$folder"/*.rpm
    say "package: deb"
    cargo deb --quiet --no-build --no-strip --locked "${DEB_PACKING[@]}" -p revkeep --output "$folder/"
    say "package: rpm"
    cargo generate-rpm -p daemon/revkeep --auto-req disabled "${RPM_PACKING[@]}" --output "$folder/"
}

# Two makings from one program must agree.
package_reproducible() {
    local again=$PACKAGES/again file
    package_pair "$again" >/dev/null
    for file in "$PACKAGES"/*.deb "$PACKAGES"/*.rpm; do
        cmp "$file" "$again/$(basename "$file")" || die "$(basename "$file") is not reproducible"
    done
    rm -rf "$again"
    say "package: made twice, the same bytes"
}

package_judge() {
    say "package: lintian"
    lintian --fail-on error,warning --no-tag-display-limit "$PACKAGES"/*.deb
    say "package: rpmlint"
    rpmlint -c packaging/rpm/rpmlint.toml "$PACKAGES"/*.rpm
    package_needs
}

# The rpm names the libraries that the program is linked to itself, by hand: those that they need in turn
# are another distribution's business.
package_needs() {
    local library
    for library in $(readelf -d "$PACKAGES/stage/revkeep" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux'); do
        rpm -qp --requires "$PACKAGES"/*.rpm 2>/dev/null | grep -qF "$library" || die "the rpm does not ask for $library"
    done
}
