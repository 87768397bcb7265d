#!/usr/bin/env bash
# The real daemon, not yet set up, with a published identity provider or the judge of a protocol beside it: `idp.sh FOLDER
# PACKAGE` runs FOLDER/FOLDER.test.mjs, which drives PACKAGE; the last line is `N passed, N failed`.
set -euo pipefail
folder=$1 package=$2
peers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
here=$peers/$folder
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -d "$here/node_modules/$package" ]; then
  (cd "$here" && npm ci --ignore-scripts --silent)
fi
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
cd "$peers/../.."
status=0
cargo run --quiet -p stack --bin revkeep-stack -- idp -- \
  node --test --test-reporter=tap "$here/$folder.test.mjs" >"$work/tap" || status=1
grep -E '^(not )?ok |^  (error|name|expected|actual):' "$work/tap" | sed "s|^|  $package: |" || true
number() { sed -n "s/^# $1 \([0-9]*\)\$/\1/p" "$work/tap" | tail -n 1; }
passed=$(number pass)
failed=$(number fail)
if [ "${passed:-0}" -eq 0 ]; then status=1; cat "$work/tap" >&2; fi
echo "${passed:-0} passed, ${failed:-1} failed"
exit "$status"
