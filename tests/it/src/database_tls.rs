//! LM-34: a database over a network is reached by TLS with its authority and its name checked, or not at all.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use db::{Admission, DbConfig};
use stack::{
    accounts, ports,
    postgres::{Durability, Postgres},
    tls::{Leaf, TestCa},
};

/// Gives a server its certificate, and a port of the network.
fn listen(server: &mut Postgres, leaf: &Leaf, port: u16, settings: &str) {
    server.stop().unwrap();
    let data = server.socket_directory().join("data");
    let files = leaf.write(&data, "network").unwrap();
    let account = accounts::account(accounts::POSTGRES).unwrap();
    for file in [&files.certificate, &files.key] {
        chown(file, Some(account.uid), Some(account.gid)).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    // The last word counts.
    let mut text = fs::read_to_string(data.join("postgresql.conf")).unwrap();
    text.push_str(&format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nssl_cert_file = 'network.pem'\nssl_key_file = 'network.key'\n{settings}\n"
    ));
    fs::write(data.join("postgresql.conf"), text).unwrap();
    fs::write(
        data.join("pg_hba.conf"),
        "host all all 127.0.0.1/32 trust\n",
    )
    .unwrap();
    server.resume().unwrap();
}

fn asked(host: &str, port: u16, authority: &Path) -> Admission {
    let config = DbConfig {
        host: host.to_owned(),
        port,
        name: "postgres".to_owned(),
        tls_ca: Some(authority.to_string_lossy().into_owned()),
        tls_certificate: None,
        tls_key: None,
        app_connections: 1,
        auth_connections: 1,
        gateway_connections: 1,
    };
    db::admission(&config, "postgres")
}

fn refused(admission: Admission, word: &str) {
    match admission {
        Admission::Refused(why) => assert!(why.contains(word), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_cannot_prove_its_name_gets_no_connection() {
    let mut server = Postgres::start(Durability::Tests).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (ours, strange) = (TestCa::new().unwrap(), TestCa::new().unwrap());
    let authority = ours.write(folder.path()).unwrap();
    let port = ports::free().unwrap();
    let named = ours.leaf(&["localhost"]).unwrap();
    listen(&mut server, &named, port, "ssl = on");
    assert_eq!(
        asked("localhost", port, &authority),
        Admission::WithoutPassword
    );
    // Another name than the one that was asked for, though it is the same server.
    refused(asked("127.0.0.1", port, &authority), "does not match");

    let strangers = strange.leaf(&["localhost"]).unwrap();
    listen(&mut server, &strangers, port, "ssl = on");
    refused(asked("localhost", port, &authority), "SSL error");

    // Whoever sits between can say that there is no TLS.
    listen(&mut server, &named, port, "ssl = off");
    refused(asked("localhost", port, &authority), "does not support SSL");
}
