#!/usr/bin/env bash
# The rpm on a machine whose kernel enforces SELinux: what its scripts do on installing, upgrading and erasing, and
# what the daemon's domain refuses. Debian has rpm and SELinux, and other names for some of what the rpm asks for, so it
# is installed without being asked. `./dev appliance --rpm` runs it, as root.
# rpm.sh TREE RPM SIMULATOR [--keep]
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$1 RPM=$2 SIMULATOR=$3 KEEP=${4:-}
source "$HERE/checks.sh"
source "$HERE/qemu.sh"
MACHINE_KERNEL='security=selinux selinux=1 enforcing=1'
MACHINE_LABELS=/etc/selinux/default/contexts/files/file_contexts

enforcing() { [ "$(inside getenforce)" = Enforcing ]; }

# Fedora's policy has a domain for what systemd starts and knows nothing else of; Debian's calls it otherwise.
installed() {
    inside sh -c 'cat >/usr/share/debian.cil && semodule -i /usr/share/debian.cil' <"$HERE/debian.cil" || return
    inside rpm -i --nodeps "/srv/packages/$(basename "$RPM")" && inside semodule -l | grep -qx revkeep
}

labelled() {
    local said
    said=$(inside stat -c '%C %n' /usr/bin/revkeep /etc/revkeep/revkeep.toml /var/lib/revkeep)
    diff <(printf 'system_u:object_r:%s:s0 %s\n' revkeep_exec_t /usr/bin/revkeep revkeep_etc_t /etc/revkeep/revkeep.toml \
        revkeep_var_lib_t /var/lib/revkeep) <(echo "$said")
}

at_work() {
    set_up "s|^reach = .*|reach = [\"$OUTSIDE\"]|" && salesforce_begin "$SIMULATOR" && soon ready &&
        person claim "$(first_code)" && person connect && routed 31 20
}

confined() {
    local pid
    pid=$(inside systemctl show -P MainPID revkeep.service) &&
        inside cat "/proc/$pid/attr/current" | grep -q '^system_u:system_r:revkeep_t:s0' && ! denied
}

denied() { inside journalctl -k --no-pager | grep 'avc:  denied' | grep 'scontext=system_u:system_r:revkeep_t'; }

# Another program in the daemon's place, as root, with its own walls or in the domain: what it says is in the journal, since the
# domain writes into nobody's pipe.
as_unit() {
    local unit=$1 context=$2 status=0
    shift 2
    inside systemd-run -q --wait --unit="$unit" $context "$@" || status=$?
    inside journalctl -q -o cat -u "$unit"
    return $status
}

DOMAIN='-p SELinuxContext=system_u:system_r:revkeep_t:s0'

# What root may read and start is not the daemon's.
confined_as_root() {
    local free held
    free=$(as_unit free '' /usr/bin/revkeep check --config /etc/shadow)
    held=$(as_unit held "$DOMAIN" /usr/bin/revkeep check --config /etc/shadow)
    echo "free: $free"
    echo "held: $held"
    [[ $free == *"/etc/shadow"* && $free != *"ermission denied"* && $held == *"ermission denied"* ]] || return
    as_unit shell '' /bin/true && ! as_unit no-shell "$DOMAIN" /bin/true || return
    denied
}

# The same rpm again, as the one that comes after it: rpm runs the scripts of both.
upgraded() {
    local before after
    before=$(main_pid)
    inside rpm -U --nodeps --force "/srv/packages/$(basename "$RPM")" && soon ready || return
    after=$(main_pid)
    [ "$before" != "$after" ] && labelled && routed 32 10
}

erased() {
    inside rpm -e revkeep || return
    ! inside systemctl is-active --quiet revkeep.service || return
    inside test -d /var/lib/revkeep || return
    ! inside semodule -l | grep -qx revkeep
}

main() {
    check "a machine of qemu boots" begin_qemu "$TREE" "$RPM" || return
    check "its kernel enforces SELinux" enforcing || return
    check "rpm installs the package, and its domain" installed || return
    check "files have their labels" labelled
    check "it is set up and routes" at_work
    check "SELinux confines the daemon, which has met no wall" confined
    check "root itself reads and starts nothing more within the domain" confined_as_root
    check "an upgrade by rpm restarts it" upgraded
    check "erasing takes the domain along and leaves the data" erased
}

main
tally
