# How something is tried on a machine, and what each try needs: sourced by what boots machines.

source "$HERE/machine.sh"
source "$HERE/world.sh"
PASSED=0 FAILED=0
SAID=$(mktemp)
HOST=revkeep.example.internal

# check NAME COMMAND...: one line by whether it succeeds; what it says is shown where it does not.
check() {
    local name=$1 begun
    begun=$(date +%s%N)
    shift
    # In this shell, because booting sets variables.
    if "$@" >"$SAID" 2>&1; then
        PASSED=$((PASSED + 1))
        printf 'PASS  %s (%d ms)\n' "$name" $((($(date +%s%N) - begun) / 1000000))
    else
        FAILED=$((FAILED + 1))
        printf 'FAIL  %s\n' "$name"
        tail -n 25 "$SAID" | sed 's/^/      /'
        return 1
    fi
}

# tally: the last line, and whether all passed.
tally() {
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" -eq 0 ]
}

# Until it succeeds, for 30 s at most.
soon() {
    local _
    for _ in $(seq 150); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.2
    done
    "$@"
}

finish() {
    if [ "${KEEP:-}" = --keep ] && [ -n "${MACHINE_INIT:-}" ]; then
        echo "The machine stays up. Enter it with: nsenter -t $MACHINE_INIT -m -u -i -n -p -C"
        echo "Stop it with: kill $MACHINE_PID; umount $MACHINE/root; rm -rf $MACHINE"
    else
        kill ${SALESFORCE_PID:-} ${BAO_PID:-} ${SIEM_PID:-} 2>/dev/null
        machine_remove
    fi
    rm -f "$SAID"
}

# begin TREE DEB: a machine that has the package in a folder and nothing of it installed.
begin() {
    machine_new "$(mktemp -d)" "$1"
    trap finish EXIT
    install -d "$MACHINE/root/srv/packages"
    cp "$2" "$MACHINE/root/srv/packages/"
    machine_boot
}

apt_install() { inside sh -c 'apt-get install -y --no-install-recommends /srv/packages/*.deb'; }

# set_up [SED]: from the example's answers, changed so.
set_up() {
    inside sh -c "sed '${1:-}' /usr/share/doc/revkeep/examples/answers.toml >/srv/answers.toml"
    inside revkeep setup --answers /srv/answers.toml | tee "$MACHINE/setup.txt"
    [ "${PIPESTATUS[0]}" -eq 0 ]
}

first_code() { grep -oE '([0-9A-Z]{5}-){5}[0-9A-Z]{5}' "$MACHINE/setup.txt"; }

ready() { inside revkeep status; }

web() { inside curl -sS --fail --cacert /etc/revkeep/tls/certificate.pem --resolve "$HOST:443:127.0.0.1" "https://$HOST$1"; }

main_pid() { inside systemctl show -P MainPID revkeep.service; }

# routed SEED N: N leads come in, each gets its end, and record by record Salesforce agrees.
routed() { person leads "$1" "$2" && person settled && person account; }

psql_as() { inside runuser -u "$1" -- psql -XqAt -v ON_ERROR_STOP=1 -d revkeep -c "$2"; }
