#!/usr/bin/env bash
# The offline bundle: what was changed in it is refused, and a machine with no network and no PostgreSQL gets all
# of it from there. `./dev bundle` runs it, as root.
# bundle.sh TREE BUNDLE.tar KEY.pem
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$1 BUNDLE=$2 KEY=$3
source "$HERE/checks.sh"

stage() {
    begin "$TREE" "$BUNDLE" || return
    openssl pkey -in "$KEY" -pubout -out "$MACHINE/root/srv/key.pem" &&
        openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out "$MACHINE/root/srv/another.pem" &&
        inside sh -c 'cd /srv && tar xf packages/*.tar && mv revkeep-* bundle'
}

# In the state of a machine that never had a database.
bare() { inside sh -ec 'apt-get purge -y "postgresql*" libpq5; ! command -v psql'; }

verified() { inside sh /srv/bundle/verify.sh /srv/key.pem; }

# changed COMMAND: the copy in which it ran is refused.
changed() { ! inside sh -ec 'rm -rf /srv/copy; cp -a /srv/bundle /srv/copy; cd /srv/copy; eval "$0" || exit 0; sh verify.sh /srv/key.pem' "$1"; }

another_key() { ! inside sh /srv/bundle/verify.sh /srv/another.pem; }

main() {
    check "the machine boots" stage || return
    check "the bundle is the one that was signed" verified
    check "another key is refused" another_key
    check "a flipped byte is refused" changed 'printf x | dd of=$(ls packages/revkeep_*.deb) bs=1 seek=5000 conv=notrunc 2>/dev/null'
    check "a file that is missing is refused" changed 'rm $(ls packages/*.deb | tail -n 1)'
    check "a file that was added is refused" changed 'cp /bin/true packages/added.deb'
    check "sums that were made anew are refused" changed 'echo >>README; find . -type f ! -name "SHA256SUMS*" | sort | xargs sha256sum >SHA256SUMS'
    check "a signature of nothing is refused" changed ': >SHA256SUMS; : >SHA256SUMS.sig'
    check "a machine has no PostgreSQL" bare
    check "it is installed from the bundle alone" inside sh /srv/bundle/install.sh
    check "it is set up and well" set_up
    check "status says so" ready
}

main
tally
