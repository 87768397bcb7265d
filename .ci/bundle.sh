# ./dev bundle, sourced by ./dev: one archive with the deb, every package that it and PostgreSQL rest on, their
# checksums and a signature over them, for a machine that reaches no package archive.

# bundle --key KEY.pem
bundle() {
    [ "$(id -u)" -eq 0 ] || die "packages are resolved in a machine's tree, which root makes: try it with sudo"
    [ "${1:-}" = --key ] && [ -f "${2:-}" ] || die "bundle needs --key and the file of an Ed25519 key (openssl genpkey -algorithm ed25519)"
    local key=$2 deb folder name
    setup_for appliance
    deb=$(compgen -G 'target/package/*.deb') || { package --key "$key" && deb=$(compgen -G 'target/package/*.deb'); }
    machine_tree plain
    name=revkeep-$(package_version)-$MACHINE_SUITE-$(dpkg --print-architecture)
    folder=$PACKAGES/$name
    rm -rf "$folder" && mkdir -p "$folder/packages"
    install -m 644 "$deb" "$folder/packages/"
    say "bundle: fetching what it rests on"
    bundle_dependencies "$folder/packages"
    install -m 644 packaging/bundle/README "$folder/"
    install -m 755 packaging/bundle/*.sh "$folder/"
    bundle_sign "$folder" "$key"
    tar --sort=name --owner=0 --group=0 --numeric-owner "--mtime=@$(git log -1 --format=%ct)" -C "$PACKAGES" -cf "$folder.tar" "$name"
    rm -rf "$folder"
    say "bundle: $folder.tar, $(du -m "$folder.tar" | cut -f 1) MB"
    exec bash tests/appliance/bundle.sh "$MACHINE_TREE" "$folder.tar" "$key"
}

# bundle_dependencies FOLDER: adds all that the deb in it and PostgreSQL need, down to libc, as if nothing were
# installed; whatever the machine has already stays when it is used.
bundle_dependencies() {
    local above root
    above=$(mktemp -d)
    root=$above/root
    mkdir -p "$above"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=$MACHINE_TREE,upperdir=$above/upper,workdir=$above/work" "$root"
    mkdir -p "$root/srv/packages"
    cp "$1"/*.deb "$root/srv/"
    install -m 644 /etc/resolv.conf "$root/etc/resolv.conf"
    if ! chroot "$root" sh -ec 'apt-get -q update
        : >/srv/nothing
        apt-get -q install --yes --download-only --no-install-recommends -o Dir::State::status=/srv/nothing \
            -o Dir::Cache::archives=/srv/packages /srv/*.deb postgresql' >"$CACHE/bundle.log" 2>&1; then
        umount "$root"
        tail -n 20 "$CACHE/bundle.log" >&2
        die "apt could not fetch the packages; its whole output is in $CACHE/bundle.log"
    fi
    install -m 644 "$root"/srv/packages/*.deb "$1/"
    umount "$root"
    rm -rf "$above"
    (cd "$1" && dpkg-scanpackages --multiversion . 2>/dev/null >Packages)
}

# bundle_sign FOLDER KEY
bundle_sign() {
    (cd "$1" && find . -type f ! -name 'SHA256SUMS*' | LC_ALL=C sort | xargs -d '\n' sha256sum >SHA256SUMS)
    openssl pkeyutl -sign -rawin -inkey "$2" -in "$1/SHA256SUMS" -out "$1/SHA256SUMS.sig"
}
