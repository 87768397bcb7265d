//! An archive on disk: for each table a file of sealed frames, and on its way out a `tar.gz` made of them.
//!
//! A frame is one page, compressed as a gzip member of its own (RFC 1952, section 2.2: members that stand
//! one after another are one stream) and sealed under the export's data key, bound to its place. So a file
//! is appended to, cut back after a crash, and sent without being compressed again.

mod frames;
pub mod tar;

pub(crate) use frames::{Extent, Frames, Writer};
pub(crate) use tar::{END, header, padding};

use std::io::Write;

use flate2::{Compression, GzBuilder};

use crate::error::CustodyError;

/// Bytes as a gzip member that says nothing of when or where it was made.
pub(crate) fn zipped(clear: &[u8]) -> Result<Vec<u8>, CustodyError> {
    let mut member = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::default());
    member.write_all(clear)?;
    Ok(member.finish()?)
}
