#!/usr/bin/env bash
# scim2-tester and scim2-client, as published, against the real daemon; the last line is
# `N passed, N failed`. Python is the one that ./dev set up, or one made here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cache=${REVKEEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/revkeep}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=
for candidate in "${REVKEEP_PYTHON:-}" "$cache/tools/bin/python" "$cache/scim/bin/python"; do
  if [ -n "$candidate" ] && "$candidate" -c 'import httpx2, scim2_tester' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "installing scim2-tester in $cache/scim" >&2
  python3 -m venv "$cache/scim"
  python=$cache/scim/bin/python
  "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r "$root/.ci/python-tools.txt"
fi
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
cd "$root"
status=0
cargo run --quiet -p stack --bin revkeep-stack -- idp -- "$python" "$here/peer.py" >"$work/out" || status=1
sed 's/^/  scim2: /' "$work/out" | sed '$d'
tail -n 1 "$work/out" | grep -E '^[0-9]+ passed, [0-9]+ failed$' || { echo '0 passed, 1 failed'; status=1; }
exit "$status"
