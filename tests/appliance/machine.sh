# A Debian machine with a systemd of its own, in a container: sourced by run.sh. It has a disk of its own
# above the shared tree, and no network but a loopback, on which servers outside of it can stand as well: they
# live on when it dies.

# machine_new FOLDER TREE: its disk in FOLDER, above the installed TREE.
machine_new() {
    MACHINE=$1 MACHINE_NET=revkeep-$$
    ip netns add "$MACHINE_NET"
    # What stands before a command that runs on its loopback and is none of its processes.
    BESIDE=(ip netns exec "$MACHINE_NET")
    ip -n "$MACHINE_NET" link set lo up
    mkdir -p "$MACHINE"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$MACHINE/upper,workdir=$MACHINE/work" "$MACHINE/root"
    echo revkeep >"$MACHINE/root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 revkeep.example.internal revkeep\n' >"$MACHINE/root/etc/hosts"
}

# Boots it and waits until systemd says that all is up.
machine_boot() {
    systemd-nspawn -q -D "$MACHINE/root" --boot -M "revkeep-$$" "--network-namespace-path=/run/netns/$MACHINE_NET" --register=no --keep-unit \
        --console=pipe --kill-signal=SIGRTMIN+3 </dev/null >>"$MACHINE/console.log" 2>&1 &
    MACHINE_PID=$!
    local state=starting
    for _ in $(seq 300); do
        MACHINE_INIT=$(pgrep -P "$MACHINE_PID" | head -n 1)
        [ -z "$MACHINE_INIT" ] || state=$(inside systemctl is-system-running 2>/dev/null || true)
        case $state in running | degraded) return 0 ;; esac
        kill -0 "$MACHINE_PID" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$MACHINE/console.log" >&2
    return 1
}

machine_off() {
    [ -n "${MACHINE_PID:-}" ] || return 0
    kill -TERM "$MACHINE_PID" 2>/dev/null || true
    wait "$MACHINE_PID" 2>/dev/null || true
    MACHINE_PID=
}

# Without a word to anybody in it, and without its disk being told.
machine_kill() {
    kill -KILL "$MACHINE_INIT" "$MACHINE_PID" 2>/dev/null || true
    wait "$MACHINE_PID" 2>/dev/null || true
    MACHINE_PID=
}

machine_remove() {
    machine_off
    ip netns delete "$MACHINE_NET" || true
    umount "$MACHINE/root" 2>/dev/null || umount -l "$MACHINE/root" || true
    rm -rf "$MACHINE"
}

# Runs a command in it, as root.
inside() {
    nsenter -t "$MACHINE_INIT" -m -u -i -n -p -C -- /usr/bin/env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
