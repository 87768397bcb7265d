//! The operating system's accounts that the servers run as: PostgreSQL refuses root, and the daemon's
//! database rights are told apart by its user.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};

/// PostgreSQL's own account: superuser of the cluster.
pub const POSTGRES: &str = "revkeep-test-pg";
/// The daemon's account: may become the runtime roles, and neither owner nor backup.
pub const DAEMON: &str = "revkeep-test";

#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// The account of this name, made when it is missing (which takes root).
pub fn account(name: &str) -> Result<Account> {
    if let Some(account) = look_up(name)? {
        return Ok(account);
    }
    let made = Command::new("useradd")
        .args([
            "--system",
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            "--user-group",
            name,
        ])
        .status()
        .context("useradd cannot be started")?;
    let account = look_up(name)?;
    ensure!(
        made.success() || account.is_some(),
        "the account {name} cannot be made: run as root"
    );
    account.with_context(|| format!("the account {name} was made and is not in /etc/passwd"))
}

/// The name of the account that this process runs as.
pub fn own_name() -> Result<String> {
    #[expect(unsafe_code, reason = "geteuid(2) cannot fail")]
    let uid = unsafe { libc::geteuid() };
    let passwd = fs::read_to_string("/etc/passwd")?;
    passwd
        .lines()
        .filter_map(|line| line.split(':').next().zip(line.split(':').nth(2)))
        .find(|(_, id)| id.parse() == Ok(uid))
        .map(|(name, _)| name.to_owned())
        .context("this process's user is not in /etc/passwd")
}

fn look_up(name: &str) -> Result<Option<Account>> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let Some(line) = passwd
        .lines()
        .find(|line| line.split(':').next() == Some(name))
    else {
        return Ok(None);
    };
    let mut ids = line.split(':').skip(2).map(str::parse::<u32>);
    match (ids.next(), ids.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some(Account { uid, gid })),
        _ => Ok(None),
    }
}
