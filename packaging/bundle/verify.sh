#!/bin/sh
# Whether this bundle is the one that was made, and nothing was added to it. Run it before you install, with the
# public key that you were given by another way than this bundle.
# verify.sh KEY.pem
set -eu
cd "$(dirname "$0")"
fail() { echo "verify: $*" >&2; exit 1; }

[ $# -eq 1 ] && [ -f "$1" ] || fail "say with which public key: sh verify.sh KEY.pem"
openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig >/dev/null 2>&1 ||
    fail "SHA256SUMS was not signed by the key in $1"
sha256sum --check --strict --quiet SHA256SUMS || fail "a file is not the one that was signed"
listed=$(sed 's/^[0-9a-f]*  //' SHA256SUMS | LC_ALL=C sort)
there=$(find . -type f ! -name 'SHA256SUMS*' | LC_ALL=C sort)
[ "$listed" = "$there" ] || fail "there is a file that was not signed"
echo "verify: all $(echo "$listed" | wc -l) files are the ones that were signed"
