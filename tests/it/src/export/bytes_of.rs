//! An archive, unpacked by `tar` and not by us.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

use custody::{Download, Manifest};

#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) manifest: Manifest,
    pub(crate) files: BTreeMap<String, String>,
}

pub(crate) async fn unpacked(mut download: Download) -> Archive {
    let mut bytes = Vec::new();
    while let Some(piece) = download.pieces.recv().await {
        let piece = piece.expect("the archive was cut short");
        bytes.extend_from_slice(&piece);
    }
    untarred(bytes)
}

pub(crate) fn untarred(bytes: Vec<u8>) -> Archive {
    let directory = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar")
        .args(["-xzf", "-", "-C"])
        .arg(directory.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    tar.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert!(tar.wait().unwrap().success(), "tar does not read it");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        files.insert(name, std::fs::read_to_string(entry.path()).unwrap());
    }
    Archive {
        manifest: serde_json::from_str(&files["manifest.json"]).unwrap(),
        files,
    }
}
