//! What set-up does to the machine: runs a program, writes a file as somebody's, finds an account.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown},
    path::Path,
    process::{Command, Stdio},
};

use kernel::Secret;

use super::SetupError;

/// An account of the machine, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

pub(crate) const ROOT: Account = Account { user: 0, group: 0 };

/// The account that this process runs as.
pub(crate) fn own() -> Account {
    Account {
        user: rustix::process::geteuid().as_raw(),
        group: rustix::process::getegid().as_raw(),
    }
}

/// Its name.
pub(crate) fn own_name() -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&passwd, own().user)
}

fn name_in(passwd: &str, user: u32) -> String {
    passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2).and_then(|id| id.parse().ok()) == Some(user))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()))
        .unwrap_or_else(|| user.to_string())
}

/// The account `name` of /etc/passwd.
pub(crate) fn account(name: &str) -> Result<Account, SetupError> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    account_in(&passwd, name).ok_or_else(|| SetupError::NoAccount(name.to_owned()))
}

fn account_in(passwd: &str, name: &str) -> Option<Account> {
    let fields: Vec<&str> = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))?;
    Some(Account {
        user: fields.get(2)?.parse().ok()?,
        group: fields.get(3)?.parse().ok()?,
    })
}

/// Puts a whole file in place of what was there. It has its mode and owner before it has its name, and they
/// are given to the open file: nobody can put another one under its name meanwhile.
pub(crate) fn write(
    path: &Path,
    content: &[u8],
    mode: u32,
    owner: Account,
) -> Result<(), SetupError> {
    let failed = |error| SetupError::File(path.to_owned(), error);
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).map_err(failed)?;
    let new = path.with_added_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(failed)?;
    file.write_all(content)
        .and_then(|()| fchown(&file, Some(owner.user), Some(owner.group)))
        .and_then(|()| file.set_permissions(Permissions::from_mode(mode)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&new, path))
        .map_err(failed)
}

/// Whether the file holds this already.
pub(crate) fn holds(path: &Path, content: &[u8]) -> bool {
    fs::read(path).is_ok_and(|there| there == content)
}

/// Runs a program of the system to its end, and answers what it wrote. `input` goes to its standard
/// input; what it says of a failure is in the error.
pub(crate) fn run(
    program: &str,
    arguments: &[&str],
    input: &[u8],
) -> Result<Secret<Vec<u8>>, SetupError> {
    finish(program, Command::new(program).args(arguments), input)
}

pub(crate) fn finish(
    name: &str,
    command: &mut Command,
    input: &[u8],
) -> Result<Secret<Vec<u8>>, SetupError> {
    let failed = |why: String| SetupError::Program(name.to_owned(), why);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    // Each program reads all of it, or ends; it is far smaller than a pipe.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input);
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    let written = Secret::new(output.stdout);
    if output.status.success() {
        return Ok(written);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!("{}: {}", output.status, said.trim())))
}

/// Text that a program wrote, without the end of its last line.
pub(crate) fn text(written: &Secret<Vec<u8>>) -> String {
    String::from_utf8_lossy(written.expose())
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd =
            "revkeeper:x:7:8::/:\nrevkeep:x:990:991:Revkeep:/var/lib/revkeep:/usr/sbin/nologin\n";
        let found = account_in(passwd, "revkeep").unwrap();
        assert_eq!((found.user, found.group), (990, 991));
        assert_eq!(account_in(passwd, "rev"), None);
        assert_eq!(name_in(passwd, 990), "revkeep");
        assert_eq!(name_in(passwd, 99), "99");
    }

    #[test]
    fn a_file_is_replaced_whole_and_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        write(&path, b"one", 0o600, own()).unwrap();
        write(&path, b"two", 0o640, own()).unwrap();
        assert!(holds(&path, b"two") && !holds(&path, b"one"));
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o640);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_program_that_fails_says_why() {
        let failed = run("sh", &["-c", "cat >&2; exit 3"], b"because").unwrap_err();
        assert!(failed.to_string().contains("because"), "{failed}");
        assert_eq!(text(&run("cat", &[], b"input\n").unwrap()), "input");
    }
}
