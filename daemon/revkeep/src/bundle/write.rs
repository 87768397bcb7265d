//! The archive on disk.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use custody::tar;
use flate2::{Compression, GzBuilder};

pub(super) fn archive<'f>(
    to: &Path,
    files: impl Iterator<Item = (&'static str, &'f [u8])>,
) -> io::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    let mut archive = GzBuilder::new()
        .mtime(0)
        .write(file, Compression::default());
    for (name, content) in files {
        let size = u64::try_from(content.len()).map_err(io::Error::other)?;
        archive.write_all(&tar::header(&format!("revkeep-support/{name}"), size))?;
        archive.write_all(content)?;
        archive.write_all(&tar::padding(size))?;
    }
    archive.write_all(&tar::END)?;
    archive.finish()?.sync_all()
}
