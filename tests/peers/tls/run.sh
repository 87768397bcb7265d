#!/usr/bin/env bash
# sslyze and testssl, as published, over the real daemon; the last line is `N passed, N failed`. What ./dev set up
# is used: sslyze in an environment of its own, Debian's testssl, and the programs of a build.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cache=${REVKEEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/revkeep}
python=$cache/tls/bin/python
stack=${CARGO_TARGET_DIR:-$root/target}/debug/revkeep-stack
for program in "$python" "$stack" "$(command -v testssl || printf testssl)"; do
  [ -x "$program" ] || { echo "$program is missing: ./dev setup, then ./dev step peer_tls" >&2; exit 1; }
done
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
"$stack" idp -- "$python" "$here/judge.py"
