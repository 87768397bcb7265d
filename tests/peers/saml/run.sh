#!/usr/bin/env bash
# The real daemon with samlp as its identity provider; the last line is `N passed, N failed`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -d "$here/node_modules/samlp" ]; then
  (cd "$here" && npm ci --ignore-scripts --silent)
fi
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
cd "$root"
status=0
cargo run --quiet -p stack --bin revkeep-stack -- idp -- \
  node --test --test-reporter=tap "$here/saml.test.mjs" >"$work/tap" || status=1
grep -E '^(not )?ok |^  (error|name|expected|actual):' "$work/tap" | sed 's/^/  samlp: /' || true
number() { sed -n "s/^# $1 \([0-9]*\)\$/\1/p" "$work/tap" | tail -n 1; }
passed=$(number pass)
failed=$(number fail)
if [ "${passed:-0}" -eq 0 ]; then status=1; cat "$work/tap" >&2; fi
echo "${passed:-0} passed, ${failed:-1} failed"
exit "$status"
