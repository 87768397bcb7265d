#!/usr/bin/env bash
# Attacks on the house that lint must refuse. Each one runs in a fresh copy of the tree, through the
# same step of ./dev that lint runs; the sound copy must pass first, or a refusal would prove nothing.
# Ends with `N passed, N failed`.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
# A target folder of their own: cargo tells checkouts apart by file times alone, so artifacts of an
# attacked copy could pass for those of the real tree.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}/lint-attacks
export CARGO_NET_OFFLINE=true
# What stands beside the repository does not stand beside a copy.
for database in "$ROOT"/../advisory-db "$ROOT"/../*/advisory-db; do
    [ ! -d "$database/crates" ] || export REVKEEP_ADVISORY_DB=${REVKEEP_ADVISORY_DB:-$database}
done
passed=0
failed=0

# The tree as it would be committed, in $SCRATCH/tree.
fresh_copy() {
    rm -rf "$SCRATCH/tree"
    mkdir "$SCRATCH/tree"
    (cd "$ROOT" && git ls-files -z --cached --others --exclude-standard --deduplicate |
        while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
        tar --null --files-from=- -cf -) | tar -xmf - -C "$SCRATCH/tree"
    # The console embeds the built web application, and lint_tree asks git what belongs to the tree.
    [ ! -d "$ROOT/daemon/console/web/dist" ] ||
        cp -r "$ROOT/daemon/console/web/dist" "$SCRATCH/tree/daemon/console/web/dist"
    git -C "$SCRATCH/tree" init --quiet
}

report() {
    if [ "$1" = passed ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    printf '%s: %s\n' "$1" "$2"
}

# sound STEP: the untouched copy passes the step.
sound() {
    local status=0
    "$SCRATCH/tree/dev" step "$1" >"$SCRATCH/log" 2>&1 || status=$?
    if [ "$status" -eq 77 ]; then
        printf 'skipped: %s: %s\n' "$1" "$(tail -n 1 "$SCRATCH/log")"
    elif [ "$status" -eq 0 ]; then
        report passed "the sound tree passes $1"
    else
        cat "$SCRATCH/log"
        report failed "the sound tree passes $1"
    fi
}

# refused STEP EXPECTED WHAT: the attacked copy fails the step, for the reason EXPECTED.
refused() {
    local step=$1 expected=$2 what=$3 status=0
    "$SCRATCH/tree/dev" step "$step" >"$SCRATCH/log" 2>&1 || status=$?
    if [ "$status" -eq 77 ]; then
        printf 'skipped: %s: %s\n' "$what" "$(tail -n 1 "$SCRATCH/log")"
    elif [ "$status" -eq 0 ]; then
        report failed "$step refuses $what: it passed"
    elif grep -qE -- "$expected" "$SCRATCH/log"; then
        grep -m 1 -E -- "$expected" "$SCRATCH/log" | sed 's/^/    /'
        report passed "$step refuses $what"
    else
        cat "$SCRATCH/log"
        report failed "$step refuses $what: it failed, but not with /$expected/"
    fi
}

# depend CRATE LINE: adds a line to the crate's [dependencies].
depend() { sed -i "/^\[dependencies\]/a $2" "$SCRATCH/tree/$1/Cargo.toml"; }

# stranger NAME LICENCE: an empty crate beside the copy.
stranger() {
    mkdir -p "$SCRATCH/$1/src"
    : >"$SCRATCH/$1/src/lib.rs"
    printf '[package]\nname = "%s"\nversion = "1.0.0"\nedition = "2024"\nlicense = "%s"\n[workspace]\n' \
        "$1" "$2" >"$SCRATCH/$1/Cargo.toml"
}

fresh_copy
sound house
sound licences
sound tree
sound secrets

depend daemon/kernel 'soql.workspace = true'
refused house 'kernel \(rank 0\) names soql \(rank 1\)' 'an edge upwards'

fresh_copy
depend daemon/console 'salesforce.workspace = true'
refused house 'console reaches the sealed salesforce' 'a sealed room named by another'

fresh_copy
sed -i '/^\[lints\]/,$d' "$SCRATCH/tree/daemon/kernel/Cargo.toml"
refused house 'kernel lacks' 'a crate without the lints'

fresh_copy
printf '\npub fn pry() { let _ = schema::users::table; }\n' >>"$SCRATCH/tree/daemon/routing/src/lib.rs"
refused house "routing names the table users, which is identity's" "another room's table"

fresh_copy
depend daemon/routing 'reqwest.workspace = true'
refused licences "crate 'reqwest.* is explicitly banned" 'reqwest outside egress'

fresh_copy
stranger copyleft GPL-3.0-only
depend daemon/layer 'copyleft = { path = "../../../copyleft", version = "1" }'
refused licences 'GPL-3.0' 'a GPL dependency'

fresh_copy
stranger aws-lc-rs MIT
depend daemon/layer 'aws-lc-rs = { path = "../../../aws-lc-rs", version = "1" }'
refused licences "crate 'aws-lc-rs.* is explicitly banned" 'a second crypto provider'

# No line here may look like a secret itself, so each is put together.
fresh_copy
printf '%s%s\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n' '-----BEGIN PRIVATE ' 'KEY-----' >"$SCRATCH/tree/config.pem"
refused secrets 'config.pem:1: Private Key' 'a private key'

fresh_copy
printf '%s%s\nMIIFHDBOBgkqhkiG9w0BBQ0wQTApBgkq\n' '-----BEGIN ENCRYPTED ' 'PRIVATE KEY-----' >"$SCRATCH/tree/config.pem"
refused secrets 'config.pem:1: Encrypted Private Key' 'a private key under a password'

fresh_copy
sed -i '2i export AWS_ACCESS_KEY_ID=AKI'A0123456789ABCDEF "$SCRATCH/tree/.ci/run"
refused secrets '\.ci/run:2: AWS Access Key' 'a key in a variable of the build'

fresh_copy
printf 'COLOUR=blue\n' >"$SCRATCH/tree/.env"
git -C "$SCRATCH/tree" add --force .env
refused secrets '^secrets: \.env: a file that is made for secrets' 'an .env file'

fresh_copy
committed() { git -C "$SCRATCH/tree" -c user.name=x -c user.email=x@x.example commit --quiet --message="$1"; }
printf 'token = "hv%s"\n' s.CAESIJ0123456789abcdefghij >"$SCRATCH/tree/config/token.toml"
git -C "$SCRATCH/tree" add --all && committed 'A token'
git -C "$SCRATCH/tree" rm --quiet config/token.toml && committed 'No token any more'
refused secrets '^secrets: [0-9a-f]+:config/token.toml: OpenBao Token' 'a secret that a later commit took away'

fresh_copy
printf '\0\1' >"$SCRATCH/tree/config/server.p12"
git -C "$SCRATCH/tree" add --all --force && committed 'A key store'
git -C "$SCRATCH/tree" rm --quiet config/server.p12 && committed 'No key store any more'
refused secrets '^secrets: config/server.p12: a file of the history' 'a key store that a later commit took away'

fresh_copy
printf '++ AKI%s\n' A0123456789ABCDEF >"$SCRATCH/tree/config/notes.txt"
git -C "$SCRATCH/tree" add --all && committed 'Notes'
git -C "$SCRATCH/tree" rm --quiet config/notes.txt && committed 'No notes any more'
refused secrets '^secrets: [0-9a-f]+:config/notes.txt: AWS Access Key' 'a secret in a line that looks like the name of a file'

fresh_copy
sound advisories
printf '\n[[package]]\nname = "time"\nversion = "0.1.42"\n%s\n' "$(grep -m 1 '^source = "registry' "$ROOT/Cargo.lock")" \
    >>"$SCRATCH/tree/Cargo.lock"
refused advisories 'RUSTSEC-2020-0071' 'a dependency with a known vulnerability'

fresh_copy
printf '\npub fn late() -> std::time::SystemTime { std::time::SystemTime::now() }\n' \
    >>"$SCRATCH/tree/daemon/kernel/src/event.rs"
refused clippy 'disallowed method .std::time::SystemTime::now' 'a raw clock'

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
