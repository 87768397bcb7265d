//! A file of sealed frames: each a length of four bytes, big endian, and the ciphertext.

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use vault::DataKey;

use super::zipped;
use crate::error::CustodyError;

/// No frame is longer; a length beyond it is damage.
const MOST: usize = 1 << 30;

/// What has been written of a file, as the database knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) frames: u64,
    /// Bytes in the clear.
    pub(crate) bytes: u64,
    /// Bytes on disk.
    pub(crate) stored: u64,
}

/// Appends frames, each on disk before the next is begun.
pub(crate) struct Writer {
    file: File,
    key: Arc<DataKey>,
    label: String,
    extent: Extent,
    hash: Sha256,
}

impl Writer {
    /// Goes on after `extent`: whatever a crash left behind it is cut off.
    pub(crate) fn resume(
        path: &Path,
        key: Arc<DataKey>,
        label: &str,
        extent: Extent,
    ) -> Result<Self, CustodyError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        if file.metadata()?.len() < extent.stored {
            return Err(CustodyError::Damaged);
        }
        file.set_len(extent.stored)?;
        let mut hash = Sha256::new();
        let mut frames = Frames::open(path, Arc::clone(&key), label, extent.frames)?;
        while let Some(member) = frames.next()? {
            let mut clear = Vec::new();
            GzDecoder::new(member.as_slice()).read_to_end(&mut clear)?;
            hash.update(&clear);
        }
        Ok(Self {
            file,
            key,
            label: label.to_owned(),
            extent,
            hash,
        })
    }

    pub(crate) fn append(&mut self, clear: &[u8]) -> Result<Extent, CustodyError> {
        let member = zipped(clear)?;
        let sealed = self
            .key
            .seal_with(&place(&self.label, self.extent.frames), &member)?;
        let length = u32::try_from(sealed.len()).map_err(|_| CustodyError::Damaged)?;
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend_from_slice(&sealed);
        self.file.write_all(&frame)?;
        self.file.sync_data()?;
        self.hash.update(clear);
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        self.extent.frames += 1;
        self.extent.bytes += count(clear.len());
        self.extent.stored += count(frame.len());
        Ok(self.extent)
    }

    /// SHA-256 over the clear bytes, in hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        let hash = self.hash.clone().finalize();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Reads the frames of a file in order, opened and still compressed.
pub(crate) struct Frames {
    file: BufReader<File>,
    key: Arc<DataKey>,
    label: String,
    next: u64,
    count: u64,
}

impl Frames {
    /// `count`: as many as there must be; fewer is damage.
    pub(crate) fn open(
        path: &Path,
        key: Arc<DataKey>,
        label: &str,
        count: u64,
    ) -> Result<Self, CustodyError> {
        Ok(Self {
            file: BufReader::new(File::open(path)?),
            key,
            label: label.to_owned(),
            next: 0,
            count,
        })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, CustodyError> {
        if self.next == self.count {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.file.read_exact(&mut length).map_err(cut_short)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MOST {
            return Err(CustodyError::Damaged);
        }
        let mut sealed = vec![0; length];
        self.file.read_exact(&mut sealed).map_err(cut_short)?;
        let member = self
            .key
            .open_with(&place(&self.label, self.next), &sealed)
            .map_err(|_| CustodyError::Damaged)?;
        self.next += 1;
        Ok(Some(member.expose().clone()))
    }
}

fn cut_short(error: std::io::Error) -> CustodyError {
    if error.kind() == ErrorKind::UnexpectedEof {
        CustodyError::Damaged
    } else {
        error.into()
    }
}

/// A frame opens as this one of this file alone.
fn place(label: &str, number: u64) -> Vec<u8> {
    let mut place = number.to_be_bytes().to_vec();
    place.extend_from_slice(label.as_bytes());
    place
}
