//! Who shows which certificate to the cluster: the nodes, a daemon, set-up, and whoever asks Patroni.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use anyhow::{Context, Result};
use db::DbConfig;
use stack::{
    accounts::Account,
    tls::{Leaf, TestCa},
};

use crate::cluster::{NODES, address};

pub(crate) fn client(ca: &TestCa) -> Result<reqwest::Client> {
    let leaf = ca.client("patroni")?;
    let identity = reqwest::Identity::from_pem(&[leaf.key, leaf.certificate].concat())?;
    #[expect(clippy::disallowed_methods, reason = "a test's client")]
    let builder = reqwest::Client::builder();
    Ok(builder
        .tls_certs_only([reqwest::Certificate::from_pem(&ca.pem()?)?])
        .identity(identity)
        .timeout(Duration::from_secs(2))
        .no_proxy()
        .build()?)
}

pub(crate) fn config(scratch: &Path, ca: &TestCa, name: &str, reader: Account) -> Result<DbConfig> {
    write_leaf(&ca.client(name)?, scratch, name, reader)?;
    let file = |name: String| Some(scratch.join(name).display().to_string());
    Ok(DbConfig {
        host: (1..=NODES).map(address).collect::<Vec<_>>().join(","),
        port: 5432,
        name: "revkeep".to_owned(),
        tls_ca: file("ca.pem".to_owned()),
        tls_certificate: file(format!("{name}.pem")),
        tls_key: file(format!("{name}.key")),
        app_connections: 12,
        auth_connections: 4,
        gateway_connections: 4,
    })
}

pub(crate) fn config_of_owner(scratch: &Path, ca: &TestCa) -> Result<DbConfig> {
    config(scratch, ca, "revkeep-owner", Account { uid: 0, gid: 0 })
}

pub(crate) fn section(config: &DbConfig) -> Result<String> {
    let file = |path: &Option<String>| {
        path.clone()
            .context("the cluster's certificates are not written")
    };
    Ok(format!(
        "[database]\nhost = {:?}\nport = {}\ntls_ca = {:?}\ntls_certificate = {:?}\ntls_key = {:?}\n",
        config.host,
        config.port,
        file(&config.tls_ca)?,
        file(&config.tls_certificate)?,
        file(&config.tls_key)?
    ))
}

/// A key is its reader's alone.
pub(crate) fn write_leaf(leaf: &Leaf, directory: &Path, name: &str, reader: Account) -> Result<()> {
    let files = leaf.write(directory, name)?;
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600))?;
    for file in [&files.certificate, &files.key] {
        std::os::unix::fs::chown(file, Some(reader.uid), Some(reader.gid))?;
    }
    Ok(())
}
