#!/usr/bin/env bash
# The package on a Debian machine with a systemd of its own: installed by apt, set up from an answers
# file, attacked from inside its unit, killed, removed, purged. `./dev appliance` runs it, as root.
# run.sh TREE DEB SIMULATOR [--keep]
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$1 DEB=$2 SIMULATOR=$3 KEEP=${4:-}
source "$HERE/checks.sh"
source "$HERE/second.sh"

stage() {
    begin "$TREE" "$DEB" || return
    install -d "$MACHINE/root/usr/share/attempts"
    install -m 644 "$HERE/attempts.py" "$MACHINE/root/usr/share/attempts/"
}

not_started() { ! inside systemctl is-active --quiet revkeep.service && ! inside systemctl is-enabled --quiet revkeep.service; }

modes() {
    local said
    said=$(inside stat -c '%a %U:%G %n' /etc/revkeep /etc/revkeep/revkeep.toml /var/lib/revkeep /run/revkeep)
    diff <(printf '%s\n' '750 root:revkeep /etc/revkeep' '640 root:revkeep /etc/revkeep/revkeep.toml' \
        '700 revkeep:revkeep /var/lib/revkeep' '2750 revkeep:revkeep-admin /run/revkeep') <(echo "$said")
}

# The commands of the guide, as a reader types them: those of the first block of "First hour".
guide() {
    awk '/^## /{ here = /First hour/ } here && /^```/{ if (inside) exit; inside = 1; next } here && inside && NF' "$HERE/../../docs/install.md"
}

few_enough() { guide; [ "$(guide | wc -l)" -lt 10 ]; }

# type_in N: the command of that line.
type_in() { inside sh -c "cd /srv/packages && $(guide | sed -n "$1p")" </dev/null; }

set_up_plan() { type_in 2 && type_in 3 && planned; }

planned() {
    local before after
    before=$(touched)
    type_in 4 || return 1
    after=$(touched)
    [ "$before" = "$after" ]
}

touched() { inside sh -c 'find /etc /var/lib/revkeep -newer ~/answers.toml -type f | sort'; }

set_up_by_guide() { type_in 5 | tee "$MACHINE/setup.txt"; [ "${PIPESTATUS[0]}" -eq 0 ]; }

guide_is_installed() { diff "$HERE/../../docs/install.md" "$MACHINE/root/usr/share/doc/revkeep/install.md"; }

told() { grep -qi "$1" "$MACHINE/setup.txt"; }

set_up_again() {
    local said
    said=$(inside sh -c "revkeep setup --answers ~/answers.toml") || { echo "$said"; return 1; }
    echo "$said"
    ! grep -q 'recovery key' <<<"$said" && [ "$(grep -c 'is as it should be' <<<"$said")" -eq 3 ]
}

sign_in_page() { web /sign-in | grep -qi '<div id="root"'; }

no_plain_http() {
    local said
    said=$(inside curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:443/ 2>&1 || true)
    echo "$said"
    case $said in 400 | *000* | *curl:*) ;; *) return 1 ;; esac
    ! inside curl -sS -o /dev/null http://127.0.0.1:80/
}

claimed() { salesforce_begin "$SIMULATOR" && soon ready && person claim "$(first_code)"; }

claimed_once() { ! person claim "$(first_code)"; }

# Who asked for the code, and that a head over what set-up did was signed, each in a field of its own.
journal_fields() {
    soon inside sh -c 'journalctl -q REVKEEP_ACTION=audit_head _SYSTEMD_UNIT=revkeep.service -n 1 | grep .' || return 1
    inside sh -c 'journalctl -q -u revkeep.service REVKEEP_ACTOR=local:root SYSLOG_IDENTIFIER=revkeep -n 1 | grep .'
}

certificate_of_server() {
    inside sh -c 'openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256'
}

# A connection that is open goes on, and none that is made meanwhile fails.
reload() {
    local before after
    before=$(certificate_of_server)
    inside sh -c 'cd /etc/revkeep/tls && cp -p key.pem old-key.pem && cp -p certificate.pem old-certificate.pem &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out certificate.pem -days 30 \
            -subj /CN=new -addext subjectAltName=DNS:'"$HOST"' -addext basicConstraints=critical,CA:FALSE 2>/dev/null &&
        (for i in $(seq 60); do
            curl -sk --fail -o /dev/null https://127.0.0.1/health/live || echo dropped
        done >/srv/dropped) &
        sleep 0.3; systemctl reload revkeep; wait' || return 1
    ! inside grep -q dropped /srv/dropped || { echo "a request was dropped"; return 1; }
    soon changed_from "$before"
}

changed_from() {
    local now
    now=$(certificate_of_server)
    [ -n "$now" ] && [ "$now" != "$1" ]
}

bad_certificate_stays_out() {
    local before
    before=$(certificate_of_server)
    inside sh -c 'echo nonsense >/etc/revkeep/tls/certificate.pem && systemctl reload revkeep'
    sleep 1
    [ "$(certificate_of_server)" = "$before" ] || return 1
    inside sh -c 'cd /etc/revkeep/tls && mv old-key.pem key.pem && mv old-certificate.pem certificate.pem && systemctl reload revkeep'
    soon changed_from "$before"
}

another_pid_than() {
    local now
    now=$(main_pid)
    [ "$now" != 0 ] && [ "$now" != "$1" ] && inside revkeep status
}

recovers_from_kill() {
    local before
    before=$(main_pid)
    inside kill -KILL "$before"
    soon another_pid_than "$before"
}

# A process that is stopped feeds no watchdog. Ten seconds in place of thirty, to wait less.
recovers_from_hanging() {
    local before
    inside sh -c 'mkdir -p /run/systemd/system/revkeep.service.d && printf "[Service]\nWatchdogSec=4\n" >/run/systemd/system/revkeep.service.d/test.conf && systemctl daemon-reload && systemctl restart revkeep'
    soon ready || return 1
    before=$(main_pid)
    inside kill -STOP "$before"
    soon another_pid_than "$before" || return 1
    inside sh -c 'rm /run/systemd/system/revkeep.service.d/test.conf && systemctl daemon-reload && systemctl restart revkeep'
    inside sh -c 'journalctl -q -u revkeep.service | grep "Watchdog timeout"' && soon ready
}

# Whoever connects while the daemon restarts waits, and is not refused.
waits_while_restarting() {
    inside sh -c 'systemctl restart --no-block revkeep; for i in $(seq 40); do
        curl -sk --fail --max-time 20 -o /dev/null https://127.0.0.1/health/live || exit 1; done'
}

recovers_from_database() {
    inside systemctl restart postgresql@15-main || return 1
    soon ready
}

# Not started again and again by systemd: the journal says why, once.
stays_down_on_bad_configuration() {
    local said
    inside sh -c 'echo "nonsense = 1" >/etc/revkeep/conf.d/99-test.toml'
    inside systemctl restart revkeep.service
    said=$(inside systemctl show -P Result -P NRestarts revkeep.service | tr '\n' ' ')
    inside rm /etc/revkeep/conf.d/99-test.toml
    inside sh -c 'journalctl -q -u revkeep.service -n 20 | grep nonsense' || { echo "the journal does not name the setting"; return 1; }
    inside systemctl reset-failed revkeep.service
    inside systemctl start revkeep.service && soon ready && echo "$said" && [ "$said" = "exit-code 0 " ]
}

exposure() {
    local said
    said=$(inside systemd-analyze security --no-pager revkeep.service | tail -n 1)
    echo "$said"
    awk -v most=1.2 '{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9.]+$/) { found = 1; exit !($i <= most) } } END { if (!found) exit 1 }' <<<"$said"
}

# The unit's own sandbox with another program in it. Python's must be executable there; nothing else is changed.
attempts() { inside sh -c "systemctl start $1.service; cat /run/$1.log"; }

attack_units() {
    inside sh -c 'sed -e "s|^ExecStart=.*|ExecStart=/usr/bin/python3 /usr/share/attempts/attempts.py|" \
            -e "s|^ExecPaths=.*|& /usr/bin/python3 /usr/bin/python3.11|" \
            -e "/^Requires=\|^ExecReload=\|^WatchdogSec=\|^Restart\|^NotifyAccess=\|^LoadCredential/d" \
            -e "s|^Type=notify|Type=oneshot\nStandardOutput=truncate:/run/attempts.log|" \
            /usr/lib/systemd/system/revkeep.service >/run/systemd/system/attempts.service
        printf "[Service]\nType=oneshot\nStandardOutput=truncate:/run/attempts-bare.log\nExecStart=/usr/bin/python3 /usr/share/attempts/attempts.py\n" >/run/systemd/system/attempts-bare.service
        systemctl daemon-reload'
}

none_refused() { cat "$1"; [ "$(grep -c ' succeeded$' "$1")" -eq 15 ] && ! grep -q ' refused' "$1"; }
refused() { grep -qE "^$1 refused" "$2" || { cat "$2"; return 1; }; }
succeeded() { grep -qE "^$1 succeeded" "$2" || { cat "$2"; return 1; }; }

listens_only_on() {
    local said
    said=$(inside ss -Hltn | awk '{ print $4 }' | grep -v ':5432$' | sort -u | tr '\n' ' ')
    echo "$said"
    [ "$said" = '*:443 127.0.0.1:9464 ' ]
}

doctor_fails_nothing() {
    local code=0
    inside revkeep doctor --all || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ]
}

sandbox_holds() { inside revkeep verify LM-72 LM-73 CX-22; }

# A drop-in that an administrator forgot: the unit's file still asks for everything.
sandbox_taken_back() {
    local code=0 said
    inside sh -c 'mkdir -p /run/systemd/system/revkeep.service.d && printf "[Service]\nProtectSystem=no\nCapabilityBoundingSet=CAP_CHOWN\n" >/run/systemd/system/revkeep.service.d/loose.conf && systemctl daemon-reload && systemctl restart revkeep'
    soon ready || return 1
    said=$(inside revkeep verify LM-73) || code=$?
    inside sh -c 'rm /run/systemd/system/revkeep.service.d/loose.conf && systemctl daemon-reload && systemctl restart revkeep'
    echo "$said"
    [ "$code" -eq 1 ] && grep -q 'CapBnd' <<<"$said" && grep -q '/ is writable' <<<"$said" && soon sandbox_holds
}

peer_is_asked() {
    inside useradd -m ann
    inside runuser -u ann -- revkeep status && return 1
    inside usermod -aG revkeep-admin ann
    inside runuser -u ann -- revkeep status
}

daemon_is_not_owner() {
    ! inside runuser -u revkeep -- psql -XAt -h /run/postgresql -U revkeep_owner -d revkeep -c 'select 1' || return 1
    ! inside runuser -u revkeep -- psql -XAt -h /run/postgresql -U postgres -d postgres -c 'select 1' || return 1
    ! inside runuser -u revkeep -- psql -XAt -h /run/postgresql -U revkeep_backup -d revkeep -c 'select 1' || return 1
    inside runuser -u revkeep -- psql -XAt -h /run/postgresql -U revkeep_app -d revkeep -c 'select 1'
}

backed_up() {
    local file
    inside sh -c 'echo "a word of the administrator" >/srv/word; echo "another" >/srv/other' || return 1
    inside revkeep backup create --passphrase-file /srv/word --json || return 1
    file=$(inside sh -c 'ls /var/backups/revkeep/*.age') || return 1
    inside revkeep backup verify --passphrase-file /srv/word "$file" || return 1
    ! inside revkeep backup verify --passphrase-file /srv/other "$file"
}

survives_reboot() {
    machine_off
    machine_boot && soon ready && routed 12 20
}

removed() {
    inside apt-get remove -y revkeep || return 1
    ! inside systemctl is-active --quiet revkeep.service || return 1
    inside test -e /var/lib/revkeep/keystore || { echo "the keystore is gone"; return 1; }
    inside test -e /etc/revkeep/revkeep.toml || { echo "the configuration is gone"; return 1; }
    [ "$(inside runuser -u postgres -- psql -XAt -c "select count(*) from pg_database where datname = 'revkeep'")" = 1 ]
}

installed_again() { apt_install && inside systemctl enable --now revkeep.socket revkeep.service && soon ready; }

purged() {
    local left
    inside apt-get purge -y revkeep || return 1
    left=$(inside sh -c 'find / -xdev \( -path /proc -o -path /sys -o -path /srv -o -path /var/cache/apt -o -path /usr/share/attempts \) -prune -o -name "*revkeep*" -print
        getent passwd revkeep; getent group revkeep-admin
        grep -rl revkeep /etc/postgresql
        runuser -u postgres -- psql -XAt -c "select datname from pg_database where datname like '\''revkeep%'\'' union all select rolname from pg_roles where rolname like '\''revkeep%'\''"' |
        grep -vE '^/var/log/|^/var/lib/apt/|^/etc/machine-info$|^/run/host')
    # Only what the administrator's own word opens.
    left=$(grep -vE '^/var/backups/revkeep(/revkeep-[0-9TZ.]*\.age(\.sha256)?)?$' <<<"$left")
    [ -z "$left" ] || { echo "left: $left"; return 1; }
}

main() {
    check "the machine boots" stage || return
    check "the guide needs fewer than ten commands" few_enough
    check "apt installs the package from a local folder" type_in 1
    check "nothing starts before it is set up" not_started
    check "files have their modes and owners" modes
    check "the units are well-formed" inside systemd-analyze verify --man=no revkeep.service revkeep.socket \
        revkeep-backup.timer revkeep-rehearse.timer revkeep-verify.timer revkeep-retention.timer
    check "setup shows what it will do, and does nothing" set_up_plan
    check "setup runs unattended" set_up_by_guide
    check "setup tells the recovery key once" told 'recovery key'
    check "setup tells the first administrator's code" told 'enter this code'
    check "the guide's last command finds all well" type_in 6
    check "the guide is the one that was installed" guide_is_installed
    check "the unit is active in its sandbox" inside systemctl is-active revkeep.service
    check "status says that all parts are well" ready
    check "check finds nothing wrong" inside revkeep check
    check "doctor finds nothing that failed" doctor_fails_nothing
    check "the sign-in page is served over TLS" sign_in_page
    check "nothing else listens" listens_only_on
    check "the first administrator comes in by the code, with a second factor" claimed
    check "signs in by password and code" person sign-in
    check "the code works once" claimed_once
    check "connects Salesforce and starts routing" person connect
    check "routes, and Salesforce agrees record by record" routed 11 50
    check "plain HTTP gets no content, and nothing is on port 80" no_plain_http
    check "verify finds the sandbox as its unit asks for it (LM-73), and no open port (LM-72, CX-22)" sandbox_holds
    check "verify finds a sandbox that a drop-in took back" sandbox_taken_back
    check "setup again changes nothing and shows no key" set_up_again
    check "journald's fields can be asked for" journal_fields
    check "systemd-analyze security says at most 1.2" exposure
    inside systemd-analyze security --no-pager revkeep.service | tail -n 1
    attack_units
    attempts attempts-bare >"$MACHINE/bare"
    attempts attempts >"$MACHINE/confined"
    check "each attempt is a real one: outside the unit, as root, none is refused" none_refused "$MACHINE/bare"
    local attempt
    for attempt in $(sed -n 's/ succeeded$//p' "$MACHINE/bare" | grep -v write_state); do
        check "inside the unit: $attempt is refused" refused "$attempt" "$MACHINE/confined"
    done
    check "inside the unit: its own state can be written" succeeded write_state "$MACHINE/confined"
    check "the daemon cannot become owner, backup or superuser of the database" daemon_is_not_owner
    check "a backup is made and opens again, and not with another word" backed_up
    check "only root and revkeep-admin may use the command" peer_is_asked
    check "reload takes a new certificate and drops no request" reload
    check "a certificate that cannot be used stays out" bad_certificate_stays_out
    check "recovers from SIGKILL" recovers_from_kill
    check "recovers from hanging, by the watchdog" recovers_from_hanging
    check "connections wait while it restarts" waits_while_restarting
    check "recovers when PostgreSQL restarts" recovers_from_database
    check "a configuration that cannot be used is told and not retried" stays_down_on_bad_configuration
    check "serves and routes again after a reboot" survives_reboot
    check "removing leaves configuration, keys and data" removed
    check "installing again serves what was there" installed_again
    check "what is needed to restore is carried away" carry
    check "purging leaves nothing but archives" purged
    on_a_second_machine
}

main
tally
