#!/usr/bin/env bash
# What breaks around the daemon and in it, one after the other, while leads come in: it must say so, lose nothing,
# write nothing wrong, and go on by itself once the cause is gone. `./dev appliance --faults` runs it, as root.
# faults.sh TREE DEB SIMULATOR BAO [--keep]
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$1 DEB=$2 SIMULATOR=$3 BAO=$4 KEEP=${5:-}
source "$HERE/checks.sh"
ROWS=()

at_work() {
    apt_install && openbao_begin "$BAO" || return
    set_up "s|^backend = .*|backend = \"vault\"\naddress = \"https://localhost:8200\"\nca_file = \"/etc/revkeep/tls/vault-ca.pem\"\nrole_id = \"$(cat "$MACHINE/bao/role-id")\"\nsecret_id_file = \"/srv/secret-id\"|" || return
    salesforce_begin "$SIMULATOR" && mail_begin && soon ready && person claim "$(first_code)" && person connect && routed 21 30 &&
        siem_begin
}

# fault NAME BREAK TOLD MEND: a row of the table, and a check. TOLD has to succeed while it is broken, and
# nobody touches the daemon after MEND.
fault() {
    local name=$1
    check "$name" tried "$@"
    ROWS+=("$(printf '%-26s %-44s %7s  %s' "$name" "$TOLD" "$BACK" "$ACCOUNT")")
}

tried() {
    local break=$2 told=$3 mend=$4 begun
    TOLD=silent BACK=never ACCOUNT=unknown
    # Or it would tell of something else.
    [ "$told" = comes_by_itself ] || ! "$told" || { echo "it is told of before it happens"; return 1; }
    person trickle 60 || return
    "$break" || { echo "it could not be broken"; return 1; }
    soon "$told" || { "$mend"; echo "nothing tells of it"; return 1; }
    TOLD=$("$told" | tail -n 1)
    # It stays broken while all of them come in.
    sleep 4
    begun=$(date +%s%N)
    "$mend" || { echo "it could not be mended"; return 1; }
    soon ready || { soon ready || { echo "it does not come back"; inside revkeep status; return 1; }; }
    BACK="$((($(date +%s%N) - begun) / 1000000)) ms"
    person settled || return
    ACCOUNT=$(person account) || { echo "$ACCOUNT"; return 1; }
}

nothing() { :; }

# How a thing is told: by /health/ready, which the page reads, and `revkeep status`; or by `revkeep check`.
not_ready() {
    local said
    said=$(person ready 2>&1) && return 1
    grep -q "\"code\":\"$2\",\"component\":\"$1\"" <<<"$said" && ! inside revkeep status >/dev/null && echo "page and status: $1 $2"
}

# found SUBJECT VERDICT: a finding of `revkeep check`.
found() {
    { inside revkeep check --json || true; } | python3 -c '
import json, sys
bad = [f for f in json.load(sys.stdin)["findings"] if [f["subject"], f["verdict"]] == sys.argv[1:]]
print("check:", *sys.argv[1:])
sys.exit(not bad)' "$1" "$2"
}

sealed() { not_ready secrets sealed; }
database_away() { not_ready database unreachable; }
disk_found() { found disk fail; }
certificate_found() { found certificate fail; }
mail_found() { found mail warn; }
siem_found() { found siem warn; }
was_restarted() { [ "$(inside systemctl show -P NRestarts revkeep)" -gt "$RESTARTS" ] && echo "journal: started anew by systemd"; }
comes_by_itself() { echo "nothing: it is over at once"; }

# The database and the daemon's state on small disks of their own.
small_disks() {
    inside sh -ec 'systemctl stop revkeep.socket revkeep postgresql@15-main
        for folder in /var/lib/postgresql /var/lib/revkeep; do
            cp -a $folder /srv/moved
            mount -t tmpfs -o size=400m,mode=755 tmpfs $folder
            cp -a /srv/moved/. $folder
            rm -rf /srv/moved
        done
        systemctl start postgresql@15-main revkeep.socket revkeep' && soon ready
}

# fill FOLDER: never the disk of the machine on which the test runs.
fill() {
    inside sh -ec 'mountpoint -q $0
        dd if=/dev/zero of=$0/filler bs=64k count=8192 2>/dev/null || true
        [ "$(df --output=avail $0 | tail -n 1)" -eq 0 ]' "$1"
}

fill_database() { fill /var/lib/postgresql; }
free_database() { inside rm /var/lib/postgresql/filler; }
fill_state() { fill /var/lib/revkeep; }
free_state() { inside rm /var/lib/revkeep/filler; }

restart_database() { inside systemctl restart postgresql@15-main; }
stop_database() { inside pkill -STOP -u postgres; }
# As long as a storage that hangs.
continue_database() { inside sh -c 'sleep 30; pkill -CONT -u postgres'; }

seal() { bao operator seal; }
seal_and_restart() { seal && inside systemctl restart revkeep; }
unseal() { bao operator unseal "$(<"$MACHINE/bao/unseal")"; }

# Every token but the one that asks.
revoke_tokens() {
    local own accessor
    own=$(bao token lookup -format=json | sed -n 's/.*"accessor": "\(.*\)".*/\1/p')
    for accessor in $(bao list -format=json auth/token/accessors | tr -d '[]", '); do
        [ "$accessor" = "$own" ] || bao token revoke -accessor "$accessor" || return
    done
}

expire_certificate() {
    inside sh -ec 'cd /etc/revkeep/tls && cp -p key.pem /srv/key.pem && cp -p certificate.pem /srv/certificate.pem
        python3 -W ignore - <<PYTHON
import datetime, subprocess
day = datetime.timedelta(days=1)
stamp = lambda at: at.strftime("%Y%m%d%H%M%SZ")
now = datetime.datetime.utcnow()
open("/srv/expired.cnf", "w").write("[ca]\ndefault_ca = one\n[one]\ndatabase = /srv/index\nserial = /srv/serial\nnew_certs_dir = /srv\ndefault_md = sha256\npolicy = any\nx509_extensions = leaf\n[any]\ncommonName = supplied\n[leaf]\nsubjectAltName = DNS:'"$HOST"'\n")
open("/srv/index", "w").close()
open("/srv/serial", "w").write("01")
subprocess.run(["openssl", "req", "-new", "-key", "key.pem", "-subj", "/CN='"$HOST"'", "-out", "/srv/expired.csr"], check=True)
subprocess.run(["openssl", "ca", "-batch", "-config", "/srv/expired.cnf", "-selfsign", "-keyfile", "key.pem", "-in", "/srv/expired.csr", "-startdate", stamp(now - 3 * day), "-enddate", stamp(now - day), "-notext", "-out", "/srv/expired.pem"], check=True)
PYTHON
        cat /srv/expired.pem >certificate.pem
        systemctl reload revkeep'
}
new_certificate() { inside sh -c 'cat /srv/certificate.pem >/etc/revkeep/tls/certificate.pem && systemctl reload revkeep' && soon web /health/live; }

# Somebody who forgot their password while nobody takes mail.
stop_mail() { inside systemctl kill -s KILL mail && person forgot; }
start_mail() {
    inside sh -c 'systemctl reset-failed mail 2>/dev/null
        systemd-run -q --unit=mail python3 -W ignore -u -m smtpd -n -c DebuggingServer 127.0.0.1:2525' && soon mail_came
}
mail_came() { [ "$(inside sh -c 'journalctl -q -u mail -o cat | grep -c "^b.To: ada@acme.example"')" -eq 1 ]; }

siem_back() { siem_up && soon siem_has_all; }

# With a low limit, and more who connect than it allows.
crowd() {
    inside sh -ec 'mkdir -p /run/systemd/system/revkeep.service.d
        printf "[Service]\nLimitNOFILE=96\n" >/run/systemd/system/revkeep.service.d/few.conf
        systemctl daemon-reload
        systemctl restart revkeep' && soon ready && inside systemd-run -q --unit=crowd python3 -c '
import socket, time
def one():
    try:
        return socket.create_connection(("127.0.0.1", 443), timeout=1)
    except OSError:
        return None
held = []
while True:
    held = [one() for _ in range(300)]
    time.sleep(5)'
}
nobody_gets_in() { ! inside curl -sk --max-time 2 -o /dev/null https://127.0.0.1/health/live && echo "nobody gets in: the limit is reached"; }
crowd_goes() {
    inside sh -ec 'rm /run/systemd/system/revkeep.service.d/few.conf; systemctl daemon-reload; systemctl stop crowd' && soon web /health/live
}

kill_daemon() { inside systemctl kill -s KILL revkeep; }
kill_database() { inside pkill -KILL -u postgres -o; }
kill_machine() { machine_kill && machine_boot; }

main() {
    check "the machine boots" begin "$TREE" "$DEB" || return
    check "it is set up with OpenBao, mail, Salesforce and a SIEM, and routes" at_work
    RESTARTS=$(inside systemctl show -P NRestarts revkeep)
    fault "PostgreSQL restarted" restart_database comes_by_itself nothing
    fault "PostgreSQL killed" kill_database comes_by_itself nothing
    fault "PostgreSQL hangs for 30 s" stop_database database_away continue_database
    fault "OpenBao sealed" seal sealed unseal
    fault "sealed while it starts" seal_and_restart sealed unseal
    fault "OpenBao's tokens revoked" revoke_tokens comes_by_itself nothing
    fault "certificate expired" expire_certificate certificate_found new_certificate
    fault "mail server down" stop_mail mail_found start_mail
    fault "SIEM's receiver killed" siem_down siem_found siem_back
    fault "no file descriptor left" crowd nobody_gets_in crowd_goes
    RESTARTS=$(inside systemctl show -P NRestarts revkeep)
    fault "daemon killed" kill_daemon was_restarted nothing
    fault "machine killed" kill_machine comes_by_itself nothing
    check "small disks are put under database and state" small_disks || return
    fault "disk of the state full" fill_state disk_found free_state
    fault "disk of the database full" fill_database disk_found free_database
    check "the SIEM has every entry of the log, whatever broke" soon siem_has_all
    printf '\n%-26s %-44s %7s  %s\n' "fault" "told" "back in" "leads by state, as Salesforce has them"
    printf '%s\n' "${ROWS[@]}"
}

main
tally
