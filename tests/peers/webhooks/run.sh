#!/usr/bin/env bash
# What webhooks are signed with, checked by the libraries of Standard Webhooks in Python and JavaScript.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export REVKEEP_WEBHOOK_CORPUS=$work/corpus.json

# The same selection as the unit tests', which are built already.
(cd "$root" && cargo test --quiet --workspace --features revkeep/failpoints --lib webhook_corpus >"$work/log" 2>&1) || {
  cat "$work/log"
  exit 1
}
cd "$here"
status=0
node --test --test-reporter=tap signatures.test.mjs || status=1
"${REVKEEP_PYTHON:-python3}" signatures.py || status=1
exit "$status"
