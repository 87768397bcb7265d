#!/usr/bin/env bash
# What a container cannot show: AppArmor, the power cut in the middle of routing and of a migration, and the clock that is set
# an hour forward and back. The machine is one of qemu's, with a kernel and a clock of its own; Salesforce stands
# outside. `./dev appliance --power` runs it, as root.
# power.sh TREE EARLIER DEB SIMULATOR [--keep]
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$1 EARLIER=$2 DEB=$3 SIMULATOR=$4 KEEP=${5:-}
source "$HERE/checks.sh"
source "$HERE/qemu.sh"

# The kernel holds the daemon to what is listed here: there is a network, and no other address is reached.
at_work() {
    apt_install && set_up "s|^reach = .*|reach = [\"$OUTSIDE\"]|" && salesforce_begin "$SIMULATOR" && soon ready &&
        person claim "$(first_code)" && person connect && routed 31 20 && inside sync
}

# The kernel holds the daemon to its profile, which nothing that it did so far has met.
confined() {
    local pid
    pid=$(inside systemctl show -P MainPID revkeep.service) &&
        inside cat "/proc/$pid/attr/apparmor/current" | grep -qx 'revkeep (enforce)' && ! denied
}

denied() { inside journalctl -k --no-pager | grep 'apparmor="DENIED"' | grep 'profile="revkeep"'; }

# The same program as root, held to the profile: what root may read and start is not the daemon's.
confined_as_root() {
    local free held
    free=$(inside revkeep check --config /etc/shadow 2>&1)
    held=$(inside aa-exec -p revkeep -- /usr/bin/revkeep check --config /etc/shadow 2>&1)
    echo "free: $free"
    echo "held: $held"
    [[ $free != *"ermission denied"* && $held == *"ermission denied"* ]] || return
    ! inside aa-exec -p revkeep -- /bin/sh -c 'exec /bin/true' || return
    denied
}

# An empty program of the person's would find nothing wrong.
account_after_boot() { inside test -s /srv/person.py && soon ready && person settled && person account; }

cut_while_routing() {
    person trickle 100 && soon some_are_routed && machine_cut && machine_boot && account_after_boot
}

# In the middle: some have an owner, and there are more to come.
some_are_routed() { [ "$(person written)" -gt "$ROUTED" ]; }

cut_while_migrating() {
    rm -f "$MACHINE/packages/"*.deb
    copy_in "$DEB" /srv/packages/new.deb && inside rm -f "/srv/packages/$(basename "$EARLIER")" || return
    inside systemd-run -q --unit=upgrade -p Environment=DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /srv/packages/new.deb || return
    patient some_migrations && machine_cut && machine_boot || return
    inside dpkg --configure -a && account_after_boot && inside revkeep migrate --plan | grep -q 'up to date'
}

# Emulated, unpacking and the backup take their time.
patient() {
    local _
    for _ in $(seq 10); do
        soon "$@" && return 0
    done
    return 1
}

# The backup before them is done: the first has come.
some_migrations() { [ "$(psql_as postgres 'SELECT count(*) FROM __diesel_schema_migrations')" -gt "$MIGRATIONS" ]; }

# Signed in anew, because what ends by time may have ended.
clock_set() {
    inside date -s "$1" && routed "$2" 10 && person sign-in && ready
}

main() {
    check "a machine of qemu boots" begin_qemu "$TREE" "$EARLIER" || return
    check "the earlier package is set up and routes, and reaches Salesforce alone" at_work || return
    for _ in 1 2 3; do
        ROUTED=$(person written)
        check "power is cut while it routes" cut_while_routing
    done
    MIGRATIONS=$(psql_as postgres 'SELECT count(*) FROM __diesel_schema_migrations')
    check "power is cut while it migrates" cut_while_migrating
    check "AppArmor confines the daemon, which has met no wall" confined
    check "root itself reads and starts nothing more within the profile" confined_as_root
    check "the clock is set an hour forward" clock_set '+1 hour' 41
    check "the clock is set an hour back" clock_set '-1 hour' 42
    check "all is well in the end" soon ready
}

main
tally
