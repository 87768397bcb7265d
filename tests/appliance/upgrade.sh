#!/usr/bin/env bash
# An earlier package set up and at work, upgraded by apt to this one: first with a migration that fails, then
# without; then back, and refused. `./dev appliance --from COMMIT` runs it, as root.
# upgrade.sh TREE EARLIER DEB SIMULATOR [--keep]
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$1 EARLIER=$2 DEB=$3 SIMULATOR=$4 KEEP=${5:-}
source "$HERE/checks.sh"

at_work() {
    apt_install && set_up && salesforce_begin "$SIMULATOR" && soon ready && person claim "$(first_code)" &&
        person connect && routed 11 30
}

# What an administrator wrote, and that apt must neither replace nor ask about.
configure() {
    inside sh -c 'printf "\n# ours\n" >>/etc/revkeep/revkeep.toml; printf "[worker]\nparallel = 3\n" >/etc/revkeep/conf.d/70-ours.toml
        sha256sum /etc/revkeep/revkeep.toml /etc/revkeep/conf.d/*.toml /etc/revkeep/tls/* >/srv/kept'
    inside systemctl restart revkeep && soon ready
}

# Without a question: of a file that the administrator changed, theirs stays.
apt_upgrade() { inside sh -c 'apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@" /srv/packages/*.deb' apt "$@"; }

dpkg_again() { inside dpkg --force-confold --configure -a; }

bring() { rm -f "$MACHINE/root/srv/packages/"*.deb && cp "$1" "$MACHINE/root/srv/packages/"; }

# Somebody's type of the name that the last migration with a table gives to one: every table has a type of its name.
# (Of functions, two may have one name; a table of theirs, the backup could not read.)
obstacle() { psql_as postgres "CREATE TYPE $OBSTACLE AS (theirs integer)"; }

migrations() { psql_as postgres 'SELECT count(*) FROM __diesel_schema_migrations'; }

installed() { inside dpkg-query -W -f '${Version} ${db:Status-Status}' revkeep; }

refused_upgrade() {
    local before said
    before=$(main_pid)
    bring "$DEB"
    ! apt_upgrade >"$MACHINE/apt.txt" 2>&1 || { echo "apt says that all is well"; return 1; }
    said=$(<"$MACHINE/apt.txt")
    echo "$said"
    grep -q "$OBSTACLE" <<<"$said" && grep -q 'dpkg --configure -a' <<<"$said" && [ "$(main_pid)" = "$before" ]
}

backed_up_first() {
    [ "$(inside sh -c 'ls /var/backups/revkeep/*.age | wc -l')" = "$1" ] &&
        inside sh -c 'revkeep backup verify "$(ls /var/backups/revkeep/*.age | tail -n 1)"'
}

upgraded() {
    local before
    before=$(main_pid)
    psql_as postgres "DROP TYPE $OBSTACLE"
    dpkg_again || return 1
    soon ready && [ "$(main_pid)" != "$before" ] && [[ $(installed) = *' installed' ]]
}

nothing_pending() { inside revkeep migrate --plan | grep -q 'up to date'; }

by_the_owner() {
    [ "$(psql_as postgres "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables WHERE schemaname = 'public'")" = revkeep_owner ] || return 1
    ! inside runuser -u revkeep -- psql -X -h /run/postgresql -U revkeep_app -d revkeep -c 'CREATE TABLE of_the_daemon ()'
}

kept() { inside sha256sum --check --quiet /srv/kept && inside grep -qx '# ours' /etc/revkeep/revkeep.toml; }

# The schema of the newer one goes with the version before.
went_back() {
    bring "$EARLIER"
    apt_upgrade --allow-downgrades && soon inside revkeep status
}

came_again() { bring "$DEB" && apt_upgrade && soon ready && routed 14 10; }

# This package over a database that one newer than it has migrated.
is_refused_by_apt() {
    local before
    before=$(main_pid)
    psql_as postgres "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990000000000')"
    ! apt_upgrade --reinstall >"$MACHINE/apt.txt" 2>&1 || return 1
    cat "$MACHINE/apt.txt"
    grep -q 99990000000000 "$MACHINE/apt.txt" && [ "$(main_pid)" = "$before" ] && ready || return 1
    psql_as postgres "DELETE FROM __diesel_schema_migrations WHERE version = '99990000000000'"
    dpkg_again
}

main() {
    local ours
    OBSTACLE=$(cat "$HERE"/../../migrations/*/up.sql | sed -n 's/^CREATE TABLE \([a-z_]*\) .*/\1/p' | tail -n 1)
    check "the machine boots" begin "$TREE" "$EARLIER" || return
    check "the earlier version is set up and routes" at_work
    check "its administrator configures it" configure
    ours=$(migrations)
    check "somebody has taken a name that a migration gives" obstacle
    check "a migration that fails is told by apt, and the version before goes on" refused_upgrade
    check "the database was backed up before" backed_up_first 1
    check "the version before routes meanwhile" routed 12 20
    check "once mended it is upgraded" upgraded
    check "and was backed up again" backed_up_first 2
    check "every migration ran" nothing_pending
    check "there are more of them" test "$(migrations)" -gt "$ours"
    check "they ran as the owner, and the daemon may change no schema" by_the_owner
    check "configuration and certificate are as they were" kept
    check "nothing is lost, and it routes" routed 13 20
    check "sessions of before go on" person account
    check "the version before works on the newer schema" went_back
    check "it comes back to this version" came_again
    check "this version is refused by apt over a newer schema, and goes on" is_refused_by_apt
    check "all is well in the end" soon ready
}

main
tally
