# ./dev appliance, sourced by ./dev: a Debian machine with the package on it, in a container with a
# systemd of its own. The machine's tree is made once and kept in the cache.

# What stands on a machine before the package does: with it apt needs no network there.
MACHINE_PACKAGES=systemd,systemd-sysv,dbus,procps,ca-certificates,iproute2,netbase,postgresql,curl,openssl,python3,libssl3,libpq5
MACHINE_SUITE=bookworm

# appliance [--keep]
appliance() {
    [ "$(id -u)" -eq 0 ] || die "the appliance's machine is a container, which root makes: try it with sudo"
    setup_for appliance
    local deb
    deb=$(compgen -G 'target/package/*.deb') || { package && deb=$(compgen -G 'target/package/*.deb'); }
    machine_tree
    exec bash tests/appliance/run.sh "$MACHINE_TREE" "$deb" "$@"
}

machine_tree() {
    local key mirror log=$CACHE/machine.log
    key=$(sha256sum <<<"$MACHINE_SUITE $MACHINE_PACKAGES" | cut -c1-12)
    MACHINE_TREE=$CACHE/machine-$key
    [ ! -e "$MACHINE_TREE/.made" ] || return 0
    # The mirror that this machine uses itself.
    mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources 2>/dev/null)
    [ -n "$mirror" ] || mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' /etc/apt/sources.list)
    note "setup: making a Debian machine in $MACHINE_TREE"
    rm -rf "$CACHE"/machine-*
    if ! debootstrap --variant=minbase "--include=$MACHINE_PACKAGES" "$MACHINE_SUITE" "$MACHINE_TREE" "$mirror" \
        >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        die "debootstrap failed; its whole output is in $log"
    fi
    touch "$MACHINE_TREE/.made"
}
