# ./dev lint, sourced by ./dev. Each check is a function whose exit status is its verdict; all of
# them run, so that one finding does not hide the next. Status 77 says that a check could not be made
# here, which is neither.

SKIPPED=77

LINTS=(format house tree secrets licences advisories one_provider clippy)

run_lint() {
    local check status failed=()
    for check in "${LINTS[@]}"; do
        say "lint: ${check//_/ }"
        # A process of its own, because `set -e` is off inside a condition.
        status=0
        bash "$ROOT/dev" step "$check" || status=$?
        [ "$status" -eq 0 ] || [ "$status" -eq "$SKIPPED" ] || failed+=("${check//_/ }")
    done
    [ ${#failed[@]} -eq 0 ] || die "lint failed: $(printf '%s, ' "${failed[@]}" | sed 's/, $//')"
    say "lint: nothing found"
}

lint_format() { cargo fmt --all --check; }

lint_house() { cargo xtask house; }

lint_clippy() { cargo clippy --workspace --all-targets --quiet --keep-going -- -D warnings; }

# Licences, bans with their wrappers, and sources (deny.toml). Works without a network.
lint_licences() { cargo-deny --offline --log-level error check --hide-inclusion-graph licenses bans sources; }

# Needs a copy of RustSec's advisory database beside the clone, because nothing here fetches one.
lint_advisories() {
    local database
    database=$(advisory_database) || {
        say "advisories: NOT CHECKED, no copy of the advisory database beside this clone (or in REVKEEP_ADVISORY_DB)"
        return "$SKIPPED"
    }
    cargo-audit audit --db "$database" --no-fetch --stale --quiet
    say "nothing found; the newest advisory that is known is of $(grep -rhoE '^date = "[0-9-]+' "$database/crates" | cut -d'"' -f2 | sort | tail -n 1)"
}

advisory_database() {
    local folder
    for folder in "${REVKEEP_ADVISORY_DB:-}" ../advisory-db ../*/advisory-db; do
        [ -d "$folder/crates" ] && printf '%s\n' "$folder" && return 0
    done
    return 1
}

# rustls has one crypto provider, ring, and HTTP/2 stays out: each crate must be absent.
lint_one_provider() {
    local crate tree found=0
    # Fails, and says why, if the tree cannot be read or the lock file is behind the manifests.
    cargo metadata --format-version 1 --locked --offline >/dev/null
    for crate in aws-lc-rs aws-lc-sys h2 native-tls; do
        # What only a feature that is off would bring stands in the lock file, and in no tree.
        tree=$(cargo tree --quiet --locked --offline --workspace --target all -i "$crate" 2>/dev/null) || continue
        if [ -n "$tree" ]; then
            say "$tree"
            say "one provider: $crate is in the tree"
            found=1
        fi
    done
    return $found
}

# In what git would commit, and in all that was ever committed (LM-65, LM-66).
lint_secrets() { "$REVKEEP_PYTHON" .ci/secrets.py; }

# What no file of this repository may hold. Brackets keep a pattern from matching itself.
MACHINES=(
    'registry\.npmjs\.or[g]'
    '(index|static)\.crates\.i[o]'
    'files\.pythonhosted\.or[g]'
    '(^|[^A-Za-z0-9_.-])/(wor[k]|roo[t]|home/[a-z]+)/'
)

# Registry hosts and paths of somebody's machine, in what git would commit.
lint_tree() {
    local pattern found=0
    for pattern in "${MACHINES[@]}"; do
        if git grep --untracked --exclude-standard -nIE -e "$pattern" -- . ':!LICENSE'; then
            say "tree: the lines above match $pattern"
            found=1
        fi
    done
    return $found
}
