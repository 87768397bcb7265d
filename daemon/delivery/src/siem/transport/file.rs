//! A file on this machine, a line for each event, synced before the events count as sent. When it is large
//! it is put aside as `name.1`, and older ones move on until the last is deleted.

use std::path::PathBuf;

use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use super::ended;
use crate::{error::DeliveryError, siem::config::SiemConfig};

pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    most: u64,
    kept: u32,
}

impl LogFile {
    pub(super) async fn open(config: &SiemConfig, name: &str) -> Result<Self, DeliveryError> {
        fs::create_dir_all(&config.directory).await.map_err(ended)?;
        let path = config.directory.join(name);
        let (file, size) = opened(&path).await?;
        Ok(Self {
            path,
            file,
            size,
            most: config.file_megabytes.max(1).saturating_mul(1 << 20),
            kept: config.files_kept.min(1_000),
        })
    }

    pub(super) async fn append(
        &mut self,
        lines: impl Iterator<Item = String>,
    ) -> Result<(), DeliveryError> {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        if self.size > 0 && self.size.saturating_add(length(&bytes)) > self.most {
            self.put_aside().await?;
        }
        self.file.write_all(&bytes).await.map_err(ended)?;
        self.file.flush().await.map_err(ended)?;
        self.file.sync_data().await.map_err(ended)?;
        self.size = self.size.saturating_add(length(&bytes));
        Ok(())
    }

    async fn put_aside(&mut self) -> Result<(), DeliveryError> {
        if self.kept == 0 {
            fs::remove_file(&self.path).await.map_err(ended)?;
        }
        for number in (0..self.kept).rev() {
            let from = self.numbered(number);
            if fs::try_exists(&from).await.map_err(ended)? {
                let to = self.numbered(number + 1);
                fs::rename(&from, &to).await.map_err(ended)?;
            }
        }
        (self.file, self.size) = opened(&self.path).await?;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

/// The file at its end. A line that a crash cut short is ended, so that the next one is whole.
async fn opened(path: &PathBuf) -> Result<(File, u64), DeliveryError> {
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .mode(0o640)
        .open(path)
        .await
        .map_err(ended)?;
    let mut size = file.metadata().await.map_err(ended)?.len();
    if size > 0 {
        file.seek(std::io::SeekFrom::End(-1)).await.map_err(ended)?;
        let last = file.read_u8().await.map_err(ended)?;
        if last != b'\n' {
            file.write_all(b"\n").await.map_err(ended)?;
            size += 1;
        }
    }
    Ok((file, size))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(directory: &std::path::Path) -> SiemConfig {
        SiemConfig {
            directory: directory.to_owned(),
            file_megabytes: 1,
            files_kept: 2,
        }
    }

    #[tokio::test]
    async fn a_line_that_was_cut_short_is_ended_and_large_files_move_on() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("audit.jsonl");
        std::fs::write(&path, "{\"half").unwrap();
        let mut file = LogFile::open(&config(scratch.path()), "audit.jsonl")
            .await
            .unwrap();
        file.append(["one".to_owned()].into_iter()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"half\none\n");

        let large = "x".repeat(700 << 10);
        for _ in 0..4 {
            file.append([large.clone()].into_iter()).await.unwrap();
        }
        let mut found: Vec<_> = std::fs::read_dir(scratch.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
        assert!(
            std::fs::read_to_string(scratch.path().join("audit.jsonl"))
                .unwrap()
                .starts_with('x')
        );
    }
}
