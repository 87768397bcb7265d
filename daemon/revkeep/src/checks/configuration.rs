//! The configuration and the modes of the files that it names.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::Finding;
use crate::config::{self, Config};

pub(super) fn look(config: &Config, file: &Path) -> Vec<Finding> {
    vec![
        Finding::pass("configuration", "is complete and has no unknown key"),
        files(&config::files(file)),
        key_mode(&config.server.private_key),
    ]
}

/// Whoever can write the configuration decides where passwords and leads go.
fn files(files: &[PathBuf]) -> Finding {
    const SUBJECT: &str = "files";
    let loose: Vec<String> = files.iter().filter_map(|file| writable(file)).collect();
    if loose.is_empty() {
        return Finding::pass(
            SUBJECT,
            format!(
                "{} of configuration, changed by their owner alone",
                files.len()
            ),
        );
    }
    Finding::fail(
        SUBJECT,
        loose.join("; "),
        "chmod 0640 it, and look at what stands in it: it may have been changed",
    )
}

fn writable(file: &Path) -> Option<String> {
    let meta = fs::metadata(file).ok()?;
    let mode = meta.permissions().mode() & 0o777;
    (mode & 0o022 != 0).then(|| {
        format!(
            "{} can be changed by others than its owner, user {} (mode {mode:o})",
            file.display(),
            meta.uid()
        )
    })
}

fn key_mode(key: &Path) -> Finding {
    match fs::metadata(key).map(|meta| meta.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o007 == 0 => Finding::pass("key file", format!("mode {mode:o}")),
        Ok(mode) => Finding::fail(
            "key file",
            format!("{} can be read by everyone (mode {mode:o})", key.display()),
            "chmod 0600 it, and have the certificate issued anew: the key may be known",
        ),
        Err(error) => Finding::fail(
            "key file",
            format!("{}: {error}", key.display()),
            "correct server.private_key",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn a_file_that_others_can_change_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("revkeep.toml");
        fs::write(&file, "").unwrap();
        for (mode, verdict) in [
            (0o640, Verdict::Pass),
            (0o644, Verdict::Pass),
            (0o660, Verdict::Fail),
            (0o642, Verdict::Fail),
        ] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let told = files(std::slice::from_ref(&file));
            assert_eq!(told.verdict, verdict, "{mode:o}: {told:?}");
        }
    }
}
