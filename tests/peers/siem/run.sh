#!/usr/bin/env bash
# What streams of the audit log send, read by parsers that others wrote: the formatter writes a corpus of
# hostile events, glossy reads it as RFC 5424, jc as CEF, and OCSF's own schema judges its OCSF.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export REVKEEP_SIEM_CORPUS=$work

# The same selection as the unit tests', which are built already.
(cd "$root" && cargo test --quiet --workspace --features revkeep/failpoints --lib siem_corpus >"$work/log" 2>&1) || {
  cat "$work/log"
  exit 1
}
cd "$here"
status=0
node --test --test-reporter=tap rfc5424.test.mjs || status=1
"${REVKEEP_PYTHON:-python3}" formats.py || status=1
exit "$status"
