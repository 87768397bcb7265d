# ./dev test, sourced by ./dev: the steps, how each one's results are counted, and the table at the
# end. Every step must exist: one whose parts are not in the repository counts as failed.

# name | what proves that its parts are there | check: passes or fails as a whole; tests: is counted
STEPS=(
    "format|rustfmt.toml|check"
    "house|tests/golden/house-edges.txt|check"
    "tree|.ci/lint.sh|check"
    "secrets|.ci/secrets.py|check"
    "licences|deny.toml|check"
    "advisories|deny.toml|check"
    "one_provider|Cargo.lock|check"
    "clippy|clippy.toml|check"
    "packaging|tests/packaging/check.py|tests"
    "weakenings|tests/weakened/run.py|check"
    "lint_attacks|tests/lint-attacks.sh|tests"
    "evidence|tests/evidence/test_evidence.py|tests"
    "sbom|tests/sbom/test_sbom.py|tests"
    "unit|Cargo.toml|tests"
    "integration|tests/it/src/lib.rs|tests"
    "web|daemon/console/web/package.json|tests"
    "peer_soql|tests/peers/soql/package.json|tests"
    "peer_salesforce|tests/peers/salesforce/package.json|tests"
    "peer_oidc|tests/peers/oidc/package.json|tests"
    "peer_saml|tests/peers/saml/package.json|tests"
    "peer_scim|tests/peers/scim/run.sh|tests"
    "peer_siem|tests/peers/siem/package.json|tests"
    "peer_webhooks|tests/peers/webhooks/package.json|tests"
    "peer_tls|tests/peers/tls/run.sh|tests"
    "peer_mcp|tests/peers/mcp/package.json|tests"
    "peer_hours|tests/peers/hours/hours.py|tests"
    "browser|tests/browser/package.json|tests"
    "fuzz|tests/fuzz/Cargo.toml|tests"
    "bench|tests/bench/src/main.rs|tests"
)
WITH_DEMO=("demo|tests/stack/src/bin|check")

FUZZ_SHORT_RUNS=150000

# run_steps [--with-demo]
run_steps() {
    local steps=("${STEPS[@]}") rows=() passed=0 failed=0 row
    [ "${1:-}" != --with-demo ] || steps+=("${WITH_DEMO[@]}")
    LOGS=$(mktemp -d)
    local begun=$SECONDS
    for row in "${steps[@]}"; do
        local name part kind
        IFS='|' read -r name part kind <<<"$row"
        measure_step "$name" "$part" "$kind"
        passed=$((passed + STEP_PASSED))
        failed=$((failed + STEP_FAILED))
        [ "$STEP_FAILED" -gt 0 ] || rm -f "$LOGS/$name.log"
        rows+=("$(printf '%-24s %6s s %7s passed %5s failed  %s' "$name" "$STEP_SECONDS" "$STEP_PASSED" "$STEP_FAILED" "$STEP_SAYS")")
    done
    tell_failures
    rm -rf "$LOGS"
    say "" && printf '%s\n' "${rows[@]}"
    printf '%-24s %6s s\n' "all steps" "$((SECONDS - begun))"
    say "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# Runs one step and leaves its result in STEP_PASSED, STEP_FAILED, STEP_SECONDS and STEP_SAYS.
measure_step() {
    local name=$1 part=$2 kind=$3 log=$LOGS/$1.log status=0 begun=$SECONDS
    say "" && say "=== $name"
    if [ ! -e "$part" ]; then
        say "$part is absent"
        STEP_PASSED=0 STEP_FAILED=1 STEP_SECONDS=0 STEP_SAYS="absent: $part"
        return
    fi
    bash "$ROOT/dev" step "$name" </dev/null 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
    STEP_SECONDS=$((SECONDS - begun)) STEP_SAYS=ok
    if [ "$status" -eq "$SKIPPED" ]; then
        STEP_PASSED=0 STEP_FAILED=0 STEP_SAYS="skipped: $(tail -n 1 "$log")"
        return
    fi
    if [ "$kind" = check ]; then
        STEP_PASSED=$((status == 0)) STEP_FAILED=$((status != 0))
    else
        read -r STEP_PASSED STEP_FAILED < <(count_results "$log")
        if [ "$status" -eq 0 ] && [ $((STEP_PASSED + STEP_FAILED)) -eq 0 ]; then
            STEP_FAILED=1 STEP_SAYS="ran no test"
        fi
    fi
    if [ "$status" -ne 0 ]; then
        [ "$STEP_FAILED" -gt 0 ] || STEP_FAILED=1
        STEP_SAYS="FAILED (exit $status)"
    elif [ "$STEP_FAILED" -gt 0 ] && [ "$STEP_SAYS" = ok ]; then
        STEP_SAYS=FAILED
    fi
}

# The log of a whole run is long, and some who read it see only its end: what failed, once more.
tell_failures() {
    local log
    for log in "$LOGS"/*.log; do
        [ -e "$log" ] || continue
        say "" && say "=== what failed in $(basename "$log" .log)"
        sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -aE -A 3 \
            '^test .* FAILED$|panicked at|(^|: )not ok |^FAIL |\.\.\. (FAIL|ERROR)$|AssertionError|^ *(✖|×) |"holds": ?false|^error' |
            head -n 80 || tail -n 20 "$log"
    done
}

# Prints `passed failed`, summed over what libtest, node's test runner, vitest, unittest, our own
# scripts (`N passed, N failed`) and benchmarks ("holds": true) print.
count_results() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        /^test result: / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1) } next }
        /^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; next }
        /^(#|ℹ) pass [0-9]+$/ { p += $3; next }
        /^(#|ℹ) fail [0-9]+$/ { f += $3; next }
        /^ *Tests  / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1) } next }
        /^Ran [0-9]+ tests? in/ { ran = $2; p += ran; next }
        /^FAILED \((failures|errors)=/ { n = 0; s = $0; while (match(s, /[0-9]+/)) { n += substr(s, RSTART, RLENGTH); s = substr(s, RSTART + RLENGTH) } f += n; p -= n; next }
        /"holds": ?true/ { p++; next }
        /"holds": ?(false|null)/ { f++; next }
        END { print p + 0, f + 0 }'
}

one_step() {
    local known
    known=$(printf '%s\n' "${STEPS[@]}" "${WITH_DEMO[@]}" | cut -d'|' -f1)
    if ! grep -qxF -- "${1:-}" <<<"$known"; then
        printf '%s\n' $known
        [ $# -eq 0 ] || die "there is no step \`$1\`"
        return 0
    fi
    export PATH=$CACHE/tools/bin:$PATH REVKEEP_PYTHON=$CACHE/tools/bin/python
    if REVKEEP_BAO=$(openbao_program); then export REVKEEP_BAO; else unset REVKEEP_BAO; fi
    if declare -F "lint_$1" >/dev/null; then "lint_$1"; else "step_$1"; fi
}

# Whether the bill of materials is whole, and what a validator of others says of it.
step_sbom() { "$CACHE/sbom/bin/python" tests/sbom/test_sbom.py; }

# What a build signs about itself.
step_evidence() { python3 tests/evidence/test_evidence.py; }

step_lint_attacks() { bash tests/lint-attacks.sh; }

# The form of the packages, without making them; `./dev package` and `./dev appliance` do the rest.
step_packaging() { python3 tests/packaging/check.py; }

# Whether each still fits the sources; ./dev weaken runs them.
step_weakenings() { python3 tests/weakened/run.py --check; }

# Everything that tests run comes from one selection of packages and features. cargo would build most of
# the tree anew for another. The daemon that is killed at its crash points has them built in.
SELECTION=(--workspace --features revkeep/failpoints)

build_programs() { cargo build --quiet "${SELECTION[@]}" --bins --tests; }

step_unit() { cargo test "${SELECTION[@]}" --exclude it --no-fail-fast; }

step_integration() {
    build_programs
    local program
    program=$(integration_program)
    (cd tests/it && "$program")
}

integration_program() {
    cargo test --quiet "${SELECTION[@]}" --no-run --message-format=json |
        python3 -c '
import json, sys
messages = [json.loads(line) for line in sys.stdin]
print(*[m["executable"] for m in messages if m.get("executable") and m["profile"]["test"] and m["target"]["name"] == "it"])'
}

step_web() {
    cd daemon/console/web
    npm run check
    npm test
}

step_peer_soql() { node_tests tests/peers/soql; }

step_peer_salesforce() {
    build_programs
    node_tests tests/peers/salesforce
}

step_peer_oidc() {
    build_programs
    node_tests tests/peers/oidc
}

step_peer_saml() {
    build_programs
    node_tests tests/peers/saml
}

step_peer_scim() {
    build_programs
    bash tests/peers/scim/run.sh
}

step_peer_siem() { node_tests tests/peers/siem; }

step_peer_webhooks() { node_tests tests/peers/webhooks; }

step_peer_tls() {
    build_programs
    bash tests/peers/tls/run.sh
}

step_peer_mcp() {
    build_programs
    node_tests tests/peers/mcp
}

step_peer_hours() { "$REVKEEP_PYTHON" tests/peers/hours/hours.py --check; }

step_browser() {
    build_programs
    node_tests tests/browser
}

# A folder whose package.json has a `test` script.
node_tests() { (cd "$1" && npm test --silent); }

# The short form: the committed seeds and as many mutations of them, always the same ones, so that a
# change is judged and not the luck of the day. New ground is `./dev fuzz NAME`'s.
step_fuzz() {
    local target passed=0 failed=0 found
    for target in $(fuzz_targets); do
        found=$(mktemp -d)
        say "fuzz: $target, $FUZZ_SHORT_RUNS runs"
        if run_fuzz "$target" "$found" -seed=1 -runs="$FUZZ_SHORT_RUNS" >"$found.log" 2>&1; then
            passed=$((passed + 1))
        else
            cat "$found.log"
            failed=$((failed + 1))
        fi
        rm -f "$found.log"
        rm -rf "$found"
    done
    say "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

fuzz_targets() {
    local file
    for file in tests/fuzz/fuzz_targets/*.rs; do
        [ ! -f "$file" ] || basename "$file" .rs
    done
}

# What it finds worth keeping goes to a folder outside the repository.
fuzz_target() {
    local target=$1 seconds=$2 found=$CACHE/corpus/$1
    say "fuzz: $target for $seconds s; new inputs go to $found"
    mkdir -p "$found"
    run_fuzz "$target" "$found" -max_total_time="$seconds"
}

# `-s none` runs without a sanitizer, which is what the stable toolchain can do. The committed corpus
# is only read.
run_fuzz() {
    local target=$1 found=$2 seeds=tests/fuzz/corpus/$1
    shift 2
    command -v cargo-fuzz >/dev/null || die "cargo-fuzz is missing; run ./dev setup"
    mkdir -p "$seeds"
    cargo fuzz run --fuzz-dir tests/fuzz -s none "$target" "$found" "$seeds" -- \
        "$@" -verbosity=0 -print_final_stats=1
}

# The short form: whether the bars hold at a small size. The full sizes are run by hand.
#
# On a busy machine a ratio's interval can stand on both sides of its bar, even after many rounds.
# That figure is printed as inconclusive and counts neither way here; a bar that does not hold fails
# the step.
step_bench() {
    local status=0 lines
    lines=$(short_bench decide --records 50000 --rounds 7; short_bench routing --leads 5000 --rounds 15)
    sed 's/"holds": *null/"inconclusive":true/' <<<"$lines"
    grep -qE '"holds": *(true|null)' <<<"$lines" || status=1
    ! grep -qE '"holds": *false' <<<"$lines" || status=1
    return $status
}

# Its figures, whatever it exits with: 1 says that a bar does not hold, 2 that one is inconclusive.
short_bench() { bash "$ROOT/dev" bench "$@" || [ $? -le 2 ] || die "bench $1 ended with an error"; }

step_demo() { bash "$ROOT/dev" demo --check; }
