//! The one download of an archive, by the person who asked for it: frames go out as they lie on disk.

use std::sync::Arc;

use audit::Entry;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, RunQueryDsl};
use kernel::{Action, ExportId, Principal, UserId};
use schema::tenant_exports;
use tokio::sync::mpsc;
use vault::{DataKey, Wrapped};

use crate::{
    Custody,
    archive::{END, Frames, header, padding, zipped},
    error::CustodyError,
    export::{Asker, Stored, end, stored},
    making::{FileState, Manifest, binding, blocking, label, manifest, member, part, remove},
};

/// Pieces that wait for a slow reader; a piece is about one page.
const AHEAD: usize = 4;
/// After this long without an end, a download is taken for broken.
const BROKEN: TimeDelta = TimeDelta::hours(1);

/// An archive on its way to the person who asked for it.
#[derive(Debug)]
pub struct Download {
    /// A name for the file.
    pub name: String,
    /// The pieces of a `tar.gz`, in order. When it ends with an error, the archive can be downloaded again.
    pub pieces: mpsc::Receiver<Result<Bytes, std::io::Error>>,
}

impl Custody {
    /// Begins the one download, for the person who asked alone.
    pub async fn export_download(
        &self,
        who: &Principal,
        export: ExportId,
    ) -> Result<Download, CustodyError> {
        self.download(who, export, Asker::Owner).await
    }

    /// The same of one's own data.
    pub async fn own_export_download(
        &self,
        who: &Principal,
        export: ExportId,
    ) -> Result<Download, CustodyError> {
        self.download(who, export, Asker::Person).await
    }

    async fn download(
        &self,
        who: &Principal,
        export: ExportId,
        asker: Asker,
    ) -> Result<Download, CustodyError> {
        let by = who.clone();
        let row = self
            .db
            .run(who, move |tx| {
                let row = claim(tx, export, &by, asker)?;
                asker.user(&by)?;
                Ok::<_, CustodyError>(row)
            })
            .await?;
        let opened = self.opened(who, export, &row).await;
        let (key, files) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.downloaded(who, export, false).await?;
                return Err(error);
            }
        };
        let (sender, pieces) = mpsc::channel(AHEAD);
        let sending = Sending {
            directory: self.directory(who.tenant, export),
            key,
            export,
            manifest: manifest(&row, who.tenant)?,
            files,
            sender,
        };
        let (custody, who) = (self.clone(), who.clone());
        tokio::spawn(async move {
            let whole = blocking(move || sending.run()).await;
            if let Err(error) = &whole {
                log::warn!("a download of {export} was cut short: {error}");
            }
            if let Err(error) = custody.downloaded(&who, export, whole.is_ok()).await {
                log::warn!("the end of a download of {export} could not be stored: {error}");
            }
        });
        Ok(Download {
            name: format!("revkeep-{export}.tar.gz"),
            pieces,
        })
    }

    async fn opened(
        &self,
        who: &Principal,
        export: ExportId,
        row: &Stored,
    ) -> Result<(Arc<DataKey>, Vec<FileState>), CustodyError> {
        let wrapped = row
            .wrapped
            .as_deref()
            .ok_or(CustodyError::NotReady("gone"))?;
        let owner = export.to_string();
        let key = self
            .vault
            .data_key(who.tenant, &binding(&owner), &Wrapped::parse(wrapped)?)
            .await?;
        Ok((key, row.files()?))
    }

    /// The download came to its end, whole or not. What was handed out whole is gone.
    async fn downloaded(
        &self,
        who: &Principal,
        export: ExportId,
        whole: bool,
    ) -> Result<(), CustodyError> {
        self.db
            .run(who, move |tx| {
                if whole {
                    end(tx, export, &["downloading"], "downloaded", None)?;
                    return Ok(());
                }
                diesel::update(tenant_exports::table)
                    .filter(tenant_exports::tenant_id.eq(tx.tenant().uuid()))
                    .filter(tenant_exports::export_id.eq(export.uuid()))
                    .filter(tenant_exports::state.eq("downloading"))
                    .set((
                        tenant_exports::state.eq("ready"),
                        tenant_exports::claimed_at.eq(None::<DateTime<Utc>>),
                    ))
                    .execute(tx.conn())?;
                Entry::new(Action::ExportDownload, "export", export)
                    .failed("cut_short")
                    .write(tx)?;
                Ok::<_, CustodyError>(db::hint(tx, "exports")?)
            })
            .await?;
        if whole {
            remove(self.directory(who.tenant, export)).await?;
        }
        Ok(())
    }
}

/// The archive as it is sent: frames as they are, between headers of their own.
struct Sending {
    directory: std::path::PathBuf,
    key: Arc<DataKey>,
    export: ExportId,
    manifest: Manifest,
    files: Vec<FileState>,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
}

impl Sending {
    fn run(self) -> Result<(), CustodyError> {
        let sent = self.send_all();
        if let Err(error) = &sent {
            // Without it, what is cut short would look whole.
            let broken = std::io::Error::other(error.to_string());
            let _ = self.sender.blocking_send(Err(broken));
        }
        sent
    }

    fn send_all(&self) -> Result<(), CustodyError> {
        let text =
            serde_json::to_vec_pretty(&self.manifest).map_err(|_| CustodyError::Unreadable)?;
        let size = u64::try_from(text.len()).unwrap_or_default();
        self.send(zipped(
            &[header("manifest.json", size), text, padding(size)].concat(),
        )?)?;
        for file in &self.files {
            self.send(zipped(&header(&member(&file.name), file.bytes))?)?;
            let path = self.directory.join(part(&file.name));
            let label = label(self.export, &file.name);
            let mut frames = Frames::open(&path, Arc::clone(&self.key), &label, file.frames)?;
            while let Some(frame) = frames.next()? {
                self.send(frame)?;
            }
            let rest = padding(file.bytes);
            if !rest.is_empty() {
                self.send(zipped(&rest)?)?;
            }
        }
        self.send(zipped(&END)?)
    }

    fn send(&self, piece: Vec<u8>) -> Result<(), CustodyError> {
        self.sender
            .blocking_send(Ok(Bytes::from(piece)))
            .map_err(|_| CustodyError::Files(std::io::ErrorKind::BrokenPipe.into()))
    }
}

/// Takes the one download, for the person who asked: for anybody else there is no such export.
fn claim(
    tx: &mut TenantTx<'_>,
    export: ExportId,
    who: &Principal,
    asker: Asker,
) -> Result<Stored, CustodyError> {
    let row = stored(tx, export)?
        .filter(|row| Some(row.asked_by) == who.user().map(UserId::uuid))
        .filter(|row| asker.sees(who, row))
        .ok_or(CustodyError::NoExport)?;
    let now = tx.now();
    let broken = row.claimed_at.is_some_and(|at| at + BROKEN <= now);
    match row.state.as_str() {
        "ready" => {}
        "downloading" if broken => {}
        "downloading" => return Err(CustodyError::NotReady("downloading")),
        "downloaded" => return Err(CustodyError::NotReady("downloaded")),
        _ => return Err(CustodyError::NotReady("not there")),
    }
    diesel::update(tenant_exports::table)
        .filter(tenant_exports::tenant_id.eq(tx.tenant().uuid()))
        .filter(tenant_exports::export_id.eq(export.uuid()))
        .set((
            tenant_exports::state.eq("downloading"),
            tenant_exports::claimed_at.eq(now),
        ))
        .execute(tx.conn())?;
    Entry::new(Action::ExportDownload, "export", export).write(tx)?;
    db::hint(tx, "exports")?;
    Ok(row)
}
