# A machine with a kernel of its own, in place of the container of machine.sh: power that can be cut, and a clock
# that can be set. Slower, because the processor is emulated. Sourced after checks.sh.

# What runs beside the machine, as the machine sees it.
OUTSIDE=10.0.2.2
SALESFORCE=salesforce.example.internal:8443
BESIDE=(env)

# What else its kernel is told, and by which contexts of SELinux its files are labelled.
MACHINE_KERNEL='' MACHINE_LABELS=''

# begin_qemu TREE PACKAGE: boots it from a disk that is made of the tree, a kernel and a way in.
begin_qemu() {
    MACHINE=$(mktemp -d)
    trap finish_qemu EXIT
    PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    ssh-keygen -q -t ed25519 -N '' -f "$MACHINE/key"
    qemu_disk "$1" "$2" && machine_boot
}

qemu_disk() {
    local root=$MACHINE/root
    mkdir -p "$MACHINE"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$MACHINE/upper,workdir=$MACHINE/work" "$root"
    install -d "$root/srv/packages" "$root/etc/systemd/network"
    install -D -m 600 "$MACHINE/key.pub" "$root/root/.ssh/authorized_keys"
    cp "$2" "$root/srv/packages/"
    echo revkeep >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 revkeep.example.internal revkeep\n%s %s\n' "$OUTSIDE" "${SALESFORCE%:*}" >"$root/etc/hosts"
    printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/any.network"
    echo '/dev/vda / ext4 errors=remount-ro 0 1' >"$root/etc/fstab"
    chroot "$root" systemctl enable --quiet systemd-networkd ssh
    [ -z "$MACHINE_LABELS" ] || qemu_label "$root" || return
    cp "$root"/boot/vmlinuz-* "$MACHINE/vmlinuz"
    cp "$root"/boot/initrd.img-* "$MACHINE/initrd"
    mke2fs -q -t ext4 -d "$root" "$MACHINE/disk" 4G
    umount "$root"
}

# Labelling by path goes through /proc.
qemu_label() {
    local status=0
    mount -t proc proc "$1/proc" && chroot "$1" setfiles -F -e /proc "$MACHINE_LABELS" / || status=1
    umount "$1/proc"
    return $status
}

machine_boot() {
    # What the machine was told is on its disk is there; what it was not may be gone.
    qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -display none -no-reboot \
        -kernel "$MACHINE/vmlinuz" -initrd "$MACHINE/initrd" -append "root=/dev/vda rw console=ttyS0 quiet no_timer_check $MACHINE_KERNEL" \
        -drive "file=$MACHINE/disk,if=virtio,format=raw,cache=writeback" -serial "file:$MACHINE/console.log" \
        -nic "user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:$PORT-:22" </dev/null >/dev/null 2>&1 &
    MACHINE_PID=$!
    local _
    for _ in $(seq 240); do
        inside true 2>/dev/null && return 0
        kill -0 "$MACHINE_PID" 2>/dev/null || break
        sleep 1
    done
    tail -n 20 "$MACHINE/console.log" >&2
    return 1
}

machine_cut() {
    kill -KILL "$MACHINE_PID"
    wait "$MACHINE_PID" 2>/dev/null || true
}

finish_qemu() {
    kill ${SALESFORCE_PID:-} 2>/dev/null
    if [ "${KEEP:-}" = --keep ]; then
        echo "The machine stays up. Enter it with: ssh -i $MACHINE/key -p $PORT root@127.0.0.1"
        echo "Stop it with: kill ${MACHINE_PID:-}; rm -rf $MACHINE"
        return
    fi
    machine_cut
    umount "$MACHINE/root" 2>/dev/null
    rm -rf "$MACHINE"
    rm -f "$SAID"
}

inside() {
    # shellcheck disable=SC2029
    ssh -q -i "$MACHINE/key" -p "$PORT" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5 \
        root@127.0.0.1 "env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin $(printf '%q ' "$@")"
}

copy_in() { inside sh -c "cat >$2" <"$1"; }
