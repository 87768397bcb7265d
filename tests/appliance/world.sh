# What stands around the machine's daemon: a simulated Salesforce, somebody at the console, and where it is asked
# for OpenBao and a mail server. Sourced by what boots machines.

# Where the machine finds Salesforce.
SALESFORCE=localhost:8443

# authority_begin: who signs the certificate of every server around it, and one for all of them, in /srv/ca. A copy is beside
# the machine.
authority_begin() {
    [ ! -e "$MACHINE/ca/certificate.pem" ] || return 0
    inside sh -ec 'mkdir -p /srv/ca && cd /srv/ca
        new="req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        openssl $new -x509 -keyout ca.key -out ca.pem -days 30 -subj "/CN=Authority of the test" 2>/dev/null
        openssl $new -keyout key.pem -out request.pem -subj /CN=localhost 2>/dev/null
        printf "subjectAltName=DNS:localhost,DNS:$0\nbasicConstraints=critical,CA:FALSE\n" >leaf.cnf
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile leaf.cnf \
            -out certificate.pem 2>/dev/null
        printf simulator-admin >token
        install -m 640 -g revkeep ca.pem /etc/revkeep/tls/intranet-ca.pem' "${SALESFORCE%:*}" || return
    mkdir -p "$MACHINE/ca" && inside tar -C /srv/ca -cf - . | tar -C "$MACHINE/ca" -xf -
}

# salesforce_begin PROGRAM: the simulator beside the machine. It forgets nothing when that dies.
salesforce_begin() {
    authority_begin || return
    local files=$MACHINE/ca
    inside sh -c "cat >/srv/person.py" <"$HERE/person.py"
    "${BESIDE[@]}" "$1" --listen 127.0.0.1:8443 --cert "$files/certificate.pem" --key "$files/key.pem" \
        --public-url "https://$SALESFORCE" --admin-token-file "$files/token" </dev/null >"$MACHINE/salesforce.log" 2>&1 &
    SALESFORCE_PID=$!
    inside sh -ec 'cat >/etc/revkeep/conf.d/60-salesforce.toml <<TOML
[egress]
ca_file = "/etc/revkeep/tls/intranet-ca.pem"
private_endpoints = ["$0"]
[salesforce]
declared_hosts = ["$0"]
TOML
        systemctl restart revkeep' "$SALESFORCE"
}

person() { inside env "SALESFORCE=$SALESFORCE" python3 /srv/person.py "$@"; }

# openbao_begin PROGRAM: beside the machine, unsealed, with engines, policy and role as docs/secrets.md has them.
openbao_begin() {
    authority_begin || return
    local files=$MACHINE/ca
    BAO=$1
    mkdir -p "$MACHINE/bao"
    cat >"$MACHINE/bao/bao.hcl" <<HCL
storage "inmem" {}
api_addr = "https://localhost:8200"
listener "tcp" {
  address = "127.0.0.1:8200"
  tls_cert_file = "$files/certificate.pem"
  tls_key_file = "$files/key.pem"
}
HCL
    "${BESIDE[@]}" "$BAO" server "-config=$MACHINE/bao/bao.hcl" </dev/null >"$MACHINE/bao/log" 2>&1 &
    BAO_PID=$!
    soon openbao_first || return
    bao operator unseal "$(<"$MACHINE/bao/unseal")" && bao secrets enable transit && bao secrets enable -path=secret -version=2 kv &&
        bao auth enable approle && bao policy write revkeep "$MACHINE/root/usr/share/revkeep/vault/revkeep-policy.hcl" &&
        bao write auth/approle/role/revkeep token_policies=revkeep token_no_default_policy=true token_ttl=1h token_max_ttl=24h &&
        bao read -field=role_id auth/approle/role/revkeep/role-id >"$MACHINE/bao/role-id" &&
        bao write -f -field=secret_id auth/approle/role/revkeep/secret-id >"$MACHINE/root/srv/secret-id" &&
        inside install -m 640 -g revkeep /srv/ca/ca.pem /etc/revkeep/tls/vault-ca.pem
}

openbao_first() {
    bao operator init -key-shares=1 -key-threshold=1 -format=json >"$MACHINE/bao/init.json" || return
    sed -n 's/.*"root_token": "\(.*\)".*/\1/p' "$MACHINE/bao/init.json" >"$MACHINE/bao/token"
    sed -n '/unseal_keys_b64/,/]/s/^ *"\([A-Za-z0-9+\/=]*\)",\{0,1\}$/\1/p' "$MACHINE/bao/init.json" >"$MACHINE/bao/unseal"
}

bao() {
    "${BESIDE[@]}" env BAO_ADDR=https://localhost:8200 "BAO_CACERT=$MACHINE/ca/ca.pem" \
        "BAO_TOKEN=$(cat "$MACHINE/bao/token" 2>/dev/null)" "$BAO" "$@"
}

# mail_begin: a server that takes every mail and shows it in its journal.
mail_begin() {
    inside sh -ec 'systemd-run -q --unit=mail python3 -W ignore -u -m smtpd -n -c DebuggingServer 127.0.0.1:2525
        printf "[mail]\nserver = \"localhost:2525\"\nsecurity = \"none\"\nfrom = \"Revkeep <revkeep@example.internal>\"\n[egress]\nprivate_endpoints = [\"localhost:8443\", \"localhost:2525\"]\n" >/etc/revkeep/conf.d/65-mail.toml
        systemctl restart revkeep'
}

# siem_begin: a receiver by RFC 5425 beside the machine, to which the whole log is streamed.
siem_begin() {
    mkdir -p "$MACHINE/siem" && siem_up && inside sh -ec 'cat >/etc/revkeep/conf.d/66-siem.toml <<TOML
[egress]
private_endpoints = ["localhost:8443", "localhost:2525", "localhost:6514"]
TOML
        systemctl restart revkeep' && soon ready && person sign-in && person siem && soon siem_has_all
}

siem_up() {
    local folder=$MACHINE/siem ca=$MACHINE/ca
    cat >"$folder/rsyslog.conf" <<CONF
global(workDirectory="$folder" maxMessageSize="64k" DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="$ca/ca.pem"
       DefaultNetstreamDriverCertFile="$ca/certificate.pem" DefaultNetstreamDriverKeyFile="$ca/key.pem")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" address="127.0.0.1" port="6514")
template(name="id" type="string" string="%msgid%\\n")
action(type="omfile" file="$folder/received" template="id")
CONF
    "${BESIDE[@]}" /usr/sbin/rsyslogd -n -f "$folder/rsyslog.conf" -i "$folder/pid" </dev/null >>"$folder/log" 2>&1 &
    SIEM_PID=$!
}

siem_down() { kill -KILL "$SIEM_PID"; }

# Every entry that the log has now stands in what the receiver wrote down.
siem_has_all() {
    local missing
    missing=$(psql_as postgres "SELECT replace(audit_id::text, '-', '') FROM audit_log" | sort | comm -23 - <(sort -u "$MACHINE/siem/received"))
    [ -z "$missing" ] || { echo "$(wc -l <<<"$missing") entries have not come"; return 1; }
}
