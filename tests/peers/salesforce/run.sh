#!/usr/bin/env bash
# Runs jsforce and simple-salesforce against the Salesforce simulator over TLS, and prints
# `N passed, N failed` for both together. REVKEEP_SIM names a simulator that is already built;
# Python is the one that ./dev set up, or one made here.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cache=${REVKEEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/revkeep}
work=$(mktemp -d)
sim_pid=

stop() {
  if [ -n "$sim_pid" ]; then
    kill "$sim_pid" 2>/dev/null || true
    wait "$sim_pid" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap stop EXIT

say() { printf '%s\n' "$*" >&2; }

make_certificates() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj '/CN=Peer test authority' -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' \
    -keyout "$work/sim.key" -out "$work/sim.csr" 2>/dev/null
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >"$work/ext"
  openssl x509 -req -in "$work/sim.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" \
    -CAcreateserial -days 2 -extfile "$work/ext" -out "$work/sim.pem" 2>/dev/null
}

prepare_clients() {
  if [ ! -d "$here/node_modules/jsforce" ]; then
    say 'installing jsforce'
    (cd "$here" && npm ci --ignore-scripts --silent)
  fi
  python=$cache/tools/bin/python
  if "$python" -c 'import simple_salesforce' 2>/dev/null; then return; fi
  python=$cache/python/bin/python
  if "$python" -c 'import simple_salesforce' 2>/dev/null; then return; fi
  say "installing simple-salesforce in $cache/python"
  python3 -m venv "$cache/python"
  grep '^simple-salesforce==' "$root/.ci/python-tools.txt" >"$work/requirements.txt"
  "$cache/python/bin/pip" install --quiet -r "$work/requirements.txt"
}

start_simulator() {
  local program=${REVKEEP_SIM:-}
  if [ -z "$program" ]; then
    (cd "$root" && cargo build --quiet -p simulators)
    program=${CARGO_TARGET_DIR:-$root/target}/debug/revkeep-sim
  fi
  head -c 24 /dev/urandom | base64 | tr -d '/+=\n' >"$work/admin"
  mkfifo "$work/ready"
  "$program" --cert "$work/sim.pem" --key "$work/sim.key" --admin-token-file "$work/admin" \
    --public-url https://localhost:0 >"$work/ready" &
  sim_pid=$!
  local line
  read -r -t 30 line <"$work/ready" || { say 'the simulator did not start'; exit 1; }
  url=$(printf '%s' "$line" | "$python" -c \
    'import json, sys; print(json.load(sys.stdin)["url"])')
}

make_certificates
prepare_clients
start_simulator

export REVKEEP_SIM_URL=$url
REVKEEP_SIM_ADMIN=$(cat "$work/admin")
export REVKEEP_SIM_ADMIN
# Both clients take their authorities from the environment, and would take a proxy from it too.
export REQUESTS_CA_BUNDLE="$work/ca.pem" CURL_CA_BUNDLE="$work/ca.pem"
export NODE_EXTRA_CA_CERTS="$work/ca.pem"
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

status=0
node --test --test-reporter=tap "$here/jsforce.test.mjs" >"$work/jsforce" || status=1
"$python" "$here/simple_salesforce_peer.py" >"$work/python" 2>&1 || status=1
# Each client's own report is indented, so that only the last line counts.
grep -E '^(not )?ok |^  (error|name|expected|actual):' "$work/jsforce" | sed 's/^/  jsforce: /' || true
sed 's/^/  simple-salesforce: /' "$work/python"

number() { sed -n "s/^# $1 \([0-9]*\)\$/\1/p" "$work/jsforce" | tail -n 1; }
js_passed=$(number pass)
js_failed=$(number fail)
read -r py_passed py_failed < <(sed -n \
  's/^simple-salesforce: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$work/python") || true
passed=$((${js_passed:-0} + ${py_passed:-0}))
# A client that did not report its counts has failed.
failed=$((${js_failed:-1} + ${py_failed:-1}))
if [ "$failed" -gt 0 ]; then status=1; fi
echo "$passed passed, $failed failed"
exit "$status"
