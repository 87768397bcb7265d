//! The job that makes an archive: table after table, page after page. Each page is on disk before the
//! database says so, and a run that was cut short goes on after the last page that it says.

use std::{
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use audit::Entry;
use chrono::TimeDelta;
use db::Unit;
use diesel::{ExpressionMethods, RunQueryDsl};
use jobs::{Handler, Job, JobError, NewJob};
use kernel::{Action, Classified, ErrorKind, ExportId, Principal, TenantId};
use schema::tenant_exports;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vault::{Binding, DataKey, Wrapped};

use crate::{
    Custody,
    archive::{Extent, Writer},
    error::CustodyError,
    export::{EXPIRE, Stored, stored},
    opening::Opener,
    reader::{self, Row},
    registry::{self, Table},
    scope::Scope,
};

pub(crate) const MAKE: &str = "export.make";

/// One file of an archive, as the database knows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct FileState {
    /// The table.
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    pub(crate) stored: u64,
    /// The key of the last row, while there may be more.
    pub(crate) place: Option<Vec<String>>,
    /// Once it is whole.
    pub(crate) sha256: Option<String>,
    pub(crate) withheld: Vec<String>,
}

impl FileState {
    const fn extent(&self) -> Extent {
        Extent {
            frames: self.frames,
            bytes: self.bytes,
            stored: self.stored,
        }
    }
}

/// What an archive says of itself, in its first member. Nothing in it depends on when it was made.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    /// The newest migration of the database.
    pub schema: String,
    pub tenant: TenantId,
    /// `tenant`: all of it. `account`: the data of one member. `person`: what was found of somebody.
    pub scope: String,
    pub files: Vec<ManifestFile>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ManifestFile {
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
    /// Columns that are never exported: secrets and the hashes of such.
    pub withheld: Vec<String>,
}

pub(crate) struct ExportMake(pub(crate) Custody);

#[derive(Deserialize)]
struct Payload {
    export: ExportId,
}

#[async_trait]
impl Handler for ExportMake {
    fn kind(&self) -> &'static str {
        MAKE
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Payload { export } = job.read()?;
        let who = job.principal();
        let made = self.0.export_make(&who, export).await;
        let Err(error) = made else {
            return Ok(());
        };
        let passes = matches!(
            error.kind(),
            ErrorKind::Sealed | ErrorKind::Unavailable | ErrorKind::Conflict
        );
        if !passes || job.attempts >= job.max_attempts {
            self.0.export_fail(&who, export, error.code()).await?;
        }
        Err(error.into())
    }
}

/// An archive in the making, held by one run.
struct Work<'a> {
    custody: &'a Custody,
    who: &'a Principal,
    export: ExportId,
    scope: Scope,
    directory: PathBuf,
    key: Arc<DataKey>,
    files: Vec<FileState>,
    expected: Option<i64>,
    generation: i64,
    opener: Opener,
    /// Held until this run ends.
    #[expect(dead_code, reason = "the lock is given back when it is closed")]
    lock: File,
}

impl Custody {
    /// Where the files of an export are.
    pub(crate) fn directory(&self, tenant: TenantId, export: ExportId) -> PathBuf {
        self.tenant_directory(tenant)
            .join(export.uuid().as_simple().to_string())
    }

    pub(crate) fn tenant_directory(&self, tenant: TenantId) -> PathBuf {
        self.export
            .directory
            .join(tenant.uuid().as_simple().to_string())
    }

    async fn export_make(&self, who: &Principal, export: ExportId) -> Result<(), CustodyError> {
        let Some(mut work) = Work::begin(self, who, export).await? else {
            return remove(self.directory(who.tenant, export)).await;
        };
        for table in registry::tables(&self.db, who, work.scope).await? {
            if !work.write(&table).await? {
                return remove(work.directory).await;
            }
        }
        work.finish().await
    }
}

impl<'a> Work<'a> {
    /// `None` when the export has ended meanwhile.
    async fn begin(
        custody: &'a Custody,
        who: &'a Principal,
        export: ExportId,
    ) -> Result<Option<Self>, CustodyError> {
        let (tenant, directory) = (who.tenant, custody.directory(who.tenant, export));
        let owner = export.to_string();
        let found = custody
            .db
            .run_unsealed(who, move |tx| stored(tx, export))
            .await?;
        let Some(row) = found.filter(|row| row.is_in_the_making()) else {
            return Ok(None);
        };
        let key = match &row.wrapped {
            Some(wrapped) => {
                let wrapped = Wrapped::parse(wrapped)?;
                custody
                    .vault
                    .data_key(tenant, &binding(&owner), &wrapped)
                    .await?
            }
            None => {
                custody.vault.ensure_tenant_key(tenant).await?;
                custody.vault.new_data_key(tenant, &binding(&owner)).await?
            }
        };
        let noted = row.files()?;
        let (lock, files) = blocking({
            let directory = directory.clone();
            move || Ok((locked(&directory)?, there(&directory, noted)))
        })
        .await?;
        let mut work = Self {
            custody,
            who,
            export,
            scope: row.scope()?,
            directory,
            key,
            files,
            expected: row.expected,
            generation: row.generation,
            opener: Opener::new(&custody.db, &custody.vault, who),
            lock,
        };
        if work.expected.is_none() {
            let mut expected = 0_i64;
            for table in registry::tables(&custody.db, who, work.scope).await? {
                expected += reader::count(&custody.db, who, work.scope, &table).await?;
            }
            work.expected = Some(expected);
        }
        Ok(work.store().await?.then_some(work))
    }

    /// Writes the rest of a table; `false` when the export was ended meanwhile.
    async fn write(&mut self, table: &Table) -> Result<bool, CustodyError> {
        let at = match self.files.iter().position(|file| file.name == table.name) {
            Some(at) => at,
            None => {
                self.files.push(FileState {
                    name: table.name.clone(),
                    withheld: table.withheld.clone(),
                    ..FileState::default()
                });
                self.files.len() - 1
            }
        };
        let mut state = self.files.get(at).cloned().unwrap_or_default();
        if state.sha256.is_some() {
            return Ok(true);
        }
        let mut writer = self.writer(&state).await?;
        loop {
            let place = state.place.clone();
            let page = reader::page(&self.custody.db, self.who, self.scope, table, place).await?;
            if let Some(last) = page.rows.last() {
                state.place = Some(last.place.clone());
                state.rows += u64::try_from(page.rows.len()).unwrap_or_default();
                let clear = lines(&mut self.opener, table, page.rows).await?;
                let (back, extent) = blocking(move || {
                    let extent = writer.append(&clear)?;
                    Ok((writer, extent))
                })
                .await?;
                writer = back;
                (state.frames, state.bytes, state.stored) =
                    (extent.frames, extent.bytes, extent.stored);
            }
            fail::fail_point!("export_page_before_store");
            if !page.more {
                state.sha256 = Some(writer.sha256());
                state.place = None;
            }
            if let Some(file) = self.files.get_mut(at) {
                file.clone_from(&state);
            }
            if !self.store().await? {
                return Ok(false);
            }
            fail::fail_point!("export_page");
            if !page.more {
                return Ok(true);
            }
        }
    }

    async fn writer(&self, state: &FileState) -> Result<Writer, CustodyError> {
        let path = self.directory.join(part(&state.name));
        let (key, label, extent) = (
            Arc::clone(&self.key),
            label(self.export, &state.name),
            state.extent(),
        );
        blocking(move || Writer::resume(&path, key, &label, extent)).await
    }

    /// Notes how far it is; `false` when the export was ended meanwhile.
    async fn store(&mut self) -> Result<bool, CustodyError> {
        let files = serde_json::to_value(&self.files).map_err(|_| CustodyError::Unreadable)?;
        let (export, generation, expected) = (self.export, self.generation, self.expected);
        let wrapped = self.key.wrapped().to_bytes();
        let changed = self
            .custody
            .db
            .run_unsealed(self.who, move |tx| {
                let changed = diesel::update(tenant_exports::table)
                    .filter(tenant_exports::tenant_id.eq(tx.tenant().uuid()))
                    .filter(tenant_exports::export_id.eq(export.uuid()))
                    .filter(tenant_exports::generation.eq(generation))
                    .filter(tenant_exports::state.eq_any(["waiting", "running"]))
                    .set((
                        tenant_exports::state.eq("running"),
                        tenant_exports::wrapped.eq(wrapped),
                        tenant_exports::files.eq(files),
                        tenant_exports::expected.eq(expected),
                        tenant_exports::generation.eq(generation + 1),
                    ))
                    .execute(tx.conn())?;
                if changed == 1 {
                    db::hint(tx, "exports")?;
                    return Ok(true);
                }
                let still = stored(tx, export)?.is_some_and(|row| row.is_in_the_making());
                if still {
                    return Err(CustodyError::Superseded);
                }
                Ok(false)
            })
            .await?;
        self.generation += 1;
        Ok(changed)
    }

    async fn finish(self) -> Result<(), CustodyError> {
        let days = i64::from(self.custody.export.keep_days.max(1));
        let (export, generation) = (self.export, self.generation);
        let rows: u64 = self.files.iter().map(|file| file.rows).sum();
        self.custody
            .db
            .run(self.who, move |tx| {
                let expires = tx.now() + TimeDelta::days(days);
                let now = tx.now();
                let changed = diesel::update(tenant_exports::table)
                    .filter(tenant_exports::tenant_id.eq(tx.tenant().uuid()))
                    .filter(tenant_exports::export_id.eq(export.uuid()))
                    .filter(tenant_exports::generation.eq(generation))
                    .filter(tenant_exports::state.eq("running"))
                    .set((
                        tenant_exports::state.eq("ready"),
                        tenant_exports::ready_at.eq(now),
                        tenant_exports::expires_at.eq(expires),
                        tenant_exports::generation.eq(generation + 1),
                    ))
                    .execute(tx.conn())?;
                if changed == 0 {
                    return Err(CustodyError::Superseded);
                }
                let job = NewJob::new(EXPIRE, json!({ "export": export })).at(expires);
                jobs::enqueue(tx, job)?;
                Entry::new(Action::ExportFinish, "export", export)
                    .after(json!({ "rows": rows }))
                    .write(tx)?;
                db::hint(tx, "exports")?;
                Ok(())
            })
            .await
    }
}

/// The rows of a page as JSON lines, with what was sealed opened.
async fn lines(
    opener: &mut Opener,
    table: &Table,
    rows: Vec<Row>,
) -> Result<Vec<u8>, CustodyError> {
    let mut lines = Vec::new();
    for row in rows {
        let line = opener.line(table, row).await?;
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
    }
    Ok(lines)
}

/// The archive's description, from what the database knows of its files.
pub(crate) fn manifest(row: &Stored, tenant: TenantId) -> Result<Manifest, CustodyError> {
    let files = row.files()?.into_iter().map(|file| ManifestFile {
        name: member(&file.name),
        rows: file.rows,
        bytes: file.bytes,
        sha256: file.sha256.unwrap_or_default(),
        withheld: file.withheld,
    });
    Ok(Manifest {
        format: "revkeep-export-1".to_owned(),
        schema: db::setup::schema_version(),
        tenant,
        scope: row.scope()?.name().to_owned(),
        files: files.collect(),
    })
}

/// The place of an export's key.
pub(crate) fn binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "custody",
        owner,
        column: "tenant_exports.wrapped",
    }
}

/// What the frames of a file are bound to.
pub(crate) fn label(export: ExportId, table: &str) -> String {
    format!("{export}/{table}")
}

/// The file on disk.
pub(crate) fn part(table: &str) -> String {
    format!("{table}.part")
}

/// The file's name in the archive.
pub(crate) fn member(table: &str) -> String {
    format!("{table}.jsonl")
}

/// Makes the directory, and holds it for this run alone.
fn locked(directory: &Path) -> Result<File, CustodyError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let file = File::create(directory.join("lock"))?;
    file.try_lock().map_err(|_| CustodyError::Superseded)?;
    Ok(file)
}

/// Files that another run wrote elsewhere, or that somebody took away, are made anew.
fn there(directory: &Path, mut files: Vec<FileState>) -> Vec<FileState> {
    files.retain(|file| {
        let found = std::fs::metadata(directory.join(part(&file.name)));
        found.is_ok_and(|found| found.len() >= file.stored)
    });
    files
}

pub(crate) async fn remove(directory: PathBuf) -> Result<(), CustodyError> {
    blocking(move || match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    })
    .await
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CustodyError> + Send + 'static,
) -> Result<T, CustodyError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(CustodyError::Superseded))
}
