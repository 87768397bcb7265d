# ./dev appliance, sourced by ./dev: a Debian machine with the package on it, in a container with a
# systemd of its own. The machine's tree is made once and kept in the cache.

# What stands on a machine before the package does: with it apt needs no network there.
MACHINE_PACKAGES=systemd,systemd-sysv,dbus,procps,ca-certificates,iproute2,netbase,postgresql,curl,openssl,python3,libssl3,libpq5
MACHINE_SUITE=bookworm
# And on one that has a kernel of its own.
KERNEL_PACKAGES=linux-image-cloud-amd64,initramfs-tools,kmod,udev,openssh-server,apparmor
# And where that kernel has SELinux in AppArmor's place, and the rpm is what is installed.
SELINUX_PACKAGES=${KERNEL_PACKAGES%,apparmor},selinux-policy-default,selinux-utils,policycoreutils,rpm

# appliance [--keep] [--from COMMIT] [--faults | --power | --rpm]
appliance() {
    [ "$(id -u)" -eq 0 ] || die "the appliance's machine is a container, which root makes: try it with sudo"
    local keep= from= only= deb simulator status=0
    while [ $# -gt 0 ]; do
        case $1 in
            --keep) keep=--keep ;;
            --faults | --power | --rpm) only=${1#--} ;;
            --from)
                from=${2:-}
                shift
                git rev-parse --quiet --verify "$from^{commit}" >/dev/null || die "--from needs a commit to upgrade from"
                ;;
            *) die "appliance knows no option $1" ;;
        esac
        shift
    done
    setup_for appliance
    deb=$(compgen -G 'target/package/*.deb') || { package && deb=$(compgen -G 'target/package/*.deb'); }
    cargo build --quiet --profile bench -p simulators --bin revkeep-sim
    simulator=${CARGO_TARGET_DIR:-target}/release/revkeep-sim
    [ "$only" != power ] || appliance_power "$from" "$deb" "$simulator" $keep
    if [ "$only" = rpm ]; then
        debian_packages qemu-system-x86 openssh-client
        machine_tree selinux "$SELINUX_PACKAGES"
        exec bash tests/appliance/rpm.sh "$MACHINE_TREE" target/package/*.rpm "$simulator" $keep
    fi
    machine_tree plain
    if [ "$only" = faults ]; then
        openbao
        debian_packages rsyslog rsyslog-gnutls
        exec bash tests/appliance/faults.sh "$MACHINE_TREE" "$deb" "$simulator" "$REVKEEP_BAO" $keep
    fi
    bash tests/appliance/run.sh "$MACHINE_TREE" "$deb" "$simulator" $keep || status=1
    if [ -n "$from" ]; then
        earlier_package "$from"
        bash tests/appliance/upgrade.sh "$MACHINE_TREE" "$EARLIER" "$deb" "$simulator" $keep || status=1
    fi
    return $status
}

# appliance_power COMMIT DEB SIMULATOR [--keep]
appliance_power() {
    [ -n "$1" ] || die "--power upgrades as well: say with --from from which commit"
    debian_packages qemu-system-x86 openssh-client
    earlier_package "$1"
    machine_tree kernel "$KERNEL_PACKAGES"
    shift
    exec bash tests/appliance/power.sh "$MACHINE_TREE" "$EARLIER" "$@"
}

# The package of an earlier commit, from its own sources by its own ./dev, under a version that apt takes for
# older. What it does is tried and not how fast, so it is a development build.
earlier_package() {
    local commit folder=$CACHE/earlier
    commit=$(git rev-parse "$1^{commit}")
    EARLIER=$CACHE/revkeep_earlier_$commit.deb
    [ ! -e "$EARLIER" ] || return 0
    rm -rf "$folder" "$CACHE"/revkeep_earlier_*.deb
    git clone --quiet --shared . "$folder"
    git -C "$folder" checkout --quiet --detach "$commit"
    (cd "$folder" && bash ./dev package --quick) >&2
    dpkg-deb --raw-extract "$folder"/target/package/*.deb "$folder/tree"
    sed -i "s/^Version: .*/Version: 0~${commit:0:12}-1/" "$folder/tree/DEBIAN/control"
    dpkg-deb --build -Zgzip "$folder/tree" "$EARLIER" >/dev/null
    rm -rf "$folder"
}

# machine_tree NAME [PACKAGES]: with these as well.
machine_tree() {
    local packages=$MACHINE_PACKAGES${2:+,$2} key mirror log=$CACHE/machine.log
    key=$(sha256sum <<<"$MACHINE_SUITE $packages" | cut -c1-12)
    MACHINE_TREE=$CACHE/machine-$1-$key
    [ ! -e "$MACHINE_TREE/.made" ] || return 0
    # The mirror that this machine uses itself.
    mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources 2>/dev/null)
    [ -n "$mirror" ] || mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' /etc/apt/sources.list)
    note "setup: making a Debian machine in $MACHINE_TREE"
    rm -rf "$CACHE/machine-$1"-*
    if ! debootstrap --variant=minbase "--include=$packages" "$MACHINE_SUITE" "$MACHINE_TREE" "$mirror" \
        >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        die "debootstrap failed; its whole output is in $log"
    fi
    touch "$MACHINE_TREE/.made"
}
