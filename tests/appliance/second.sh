# "Backup, purge, restore on a second machine": what is carried there is the archive, its word, the recovery key, the
# answers of set-up and the authority of the intranet. Sourced by run.sh.

# carry: a new archive, and what belongs to it, out of the machine.
carry() {
    local archive
    CARRIED=$(mktemp -d)
    inside revkeep backup create --passphrase-file /srv/word || return
    archive=$(inside sh -c 'ls /var/backups/revkeep/*.age | tail -n 1') || return
    cp "$MACHINE/root$archive" "$CARRIED/archive.age" || return
    cp "$MACHINE/root/srv/word" "$MACHINE/root/root/answers.toml" "$MACHINE/root/srv/ca/ca.pem" "$CARRIED/" || return
    grep -oE '([0-9A-Z]{4}-){7}[0-9A-Z]{4}' "$MACHINE/setup.txt" >"$CARRIED/recovery" || return
    counted >"$CARRIED/counted"
}

counted() { psql_as postgres 'SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM tenants), (SELECT count(*) FROM assignments)'; }

# second_machine: another disk, with the package and nothing set up.
second_machine() {
    kill "${SALESFORCE_PID:-}" 2>/dev/null
    machine_remove
    begin "$TREE" "$DEB" && apt_install || return
    cp "$CARRIED"/* "$MACHINE/root/srv/" && inside install -D -m 640 -g revkeep /srv/ca.pem /etc/revkeep/tls/intranet-ca.pem
}

restore() { inside revkeep restore /srv/archive.age --passphrase-file /srv/word "$@"; }

files_planned() {
    local before after
    before=$(inside sh -c 'find /etc/revkeep /var/lib/revkeep -type f | sort')
    restore --files --plan | grep 'keystore would be put in place' || return
    after=$(inside sh -c 'find /etc/revkeep /var/lib/revkeep -type f | sort')
    [ "$before" = "$after" ]
}

files_put() {
    local said
    restore --files || return
    said=$(inside stat -c '%a %U:%G %n' /etc/revkeep/conf.d/50-setup.toml /var/lib/revkeep/keystore)
    diff <(printf '%s\n' '640 root:revkeep /etc/revkeep/conf.d/50-setup.toml' '600 revkeep:revkeep /var/lib/revkeep/keystore') <(echo "$said")
}

key_recovered() { inside sh -c 'revkeep keys recover </srv/recovery' && inside test -s /etc/credstore.encrypted/revkeep.key-encryption-key; }

# The keystore is the one that came, so there is no new recovery key.
set_up_second() {
    local said
    said=$(inside revkeep setup --answers /srv/answers.toml) || { echo "$said"; return 1; }
    echo "$said"
    ! grep -q 'recovery key' <<<"$said"
}

restored_second() {
    inside systemctl stop revkeep.socket revkeep.service
    restore || return
    inside systemctl start revkeep.socket revkeep.service
    soon quarantined && diff "$CARRIED/counted" <(counted)
}

quarantined() { inside revkeep status | grep -qi quarantine; }

resumed_second() { inside revkeep resume --yes && soon ready && inside revkeep audit verify; }

on_a_second_machine() {
    check "a second machine gets the package" second_machine || return
    check "restore says which files it would put in place, and changes nothing" files_planned
    check "restore puts configuration and keystore in place, with owners and modes" files_put || return
    check "the recovery key opens the keystore, and its key is sealed for this machine" key_recovered || return
    check "setup takes the keystore that is there" set_up_second || return
    check "the archive is restored, in quarantine, with as many people and assignments" restored_second || return
    check "it goes on when somebody says so, and its log is as it was sealed" resumed_second
    rm -rf "$CARRIED"
}
