//! Making an archive: under a temporary name, to the disk, looked at, and then given its name.

use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use age::secrecy::ExposeSecret;
use kernel::{Clock, Secret, SystemClock};
use vault::{Choice, Fingerprint};

use super::{
    BackupError, Checked, Lock, along,
    check::BUFFER,
    child::{self, Census, Dump},
    folder::Folder,
    manifest::{Manifest, OWN_VERSION},
    secret_file::{self, MACHINE_KEY},
    writer::{MANIFEST, Writer, Written},
};
use crate::config::{self, Config};

/// Where an archive goes.
pub(crate) enum Place {
    Folder(PathBuf),
    /// Standard output.
    Stream,
}

/// An archive that was made.
pub(crate) struct Made {
    pub(crate) file: Option<PathBuf>,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) manifest: Manifest,
    /// How it was looked at; `None` for a stream, which cannot be read back.
    pub(crate) checked: Option<Checked>,
    /// Older archives that went.
    pub(crate) removed: Vec<PathBuf>,
}

/// `told` hears a stage and how many bytes of it are done.
pub(crate) fn create(
    (config, file): (&Config, &Path),
    lock: &Lock,
    to: &Place,
    told: &dyn Fn(&'static str, u64),
) -> Result<Made, BackupError> {
    let at = (config, file);
    match to {
        Place::Stream => {
            let output = BufWriter::with_capacity(BUFFER, std::io::stdout().lock());
            let (written, manifest) = write(at, lock, output, told)?;
            Ok(Made {
                file: None,
                size: written.size,
                sha256: written.sha256,
                manifest,
                checked: None,
                removed: Vec::new(),
            })
        }
        Place::Folder(folder) => in_folder(at, lock, &Folder::enter(folder)?, told),
    }
}

fn in_folder(
    (config, file): (&Config, &Path),
    lock: &Lock,
    folder: &Folder,
    told: &dyn Fn(&'static str, u64),
) -> Result<Made, BackupError> {
    let new = folder.begin(SystemClock.now())?;
    let ((written, manifest), seen) = along::opened(new.file(), lock, |both| {
        let output = BufWriter::with_capacity(BUFFER, both);
        write((config, file), lock, output, told)
    })?;
    new.sync()?;
    along::on_disk(new.path(), &written.sha256, &|read| {
        told("looking at it", read);
    })?;
    let named = new.finish(&written.sha256)?;
    if let Lock::Recipients { machine, .. } = lock {
        let key = Secret::new(machine.to_string().expose_secret().to_owned());
        secret_file::store(&config.backup.machine_key, MACHINE_KEY, &key)?;
    }
    Ok(Made {
        file: Some(named),
        size: written.size,
        sha256: written.sha256,
        manifest,
        checked: Some(Checked::Opened(Box::new(seen))),
        removed: folder.retain(config.backup.keep.get())?,
    })
}

fn write<W: Write>(
    (config, file): (&Config, &Path),
    lock: &Lock,
    output: W,
    told: &dyn Fn(&'static str, u64),
) -> Result<(Written, Manifest), BackupError> {
    let (census, mut dump) = Dump::begin(&config.database, &config.backup)?;
    let keys = child::fingerprints((config, file), census.tenants.clone())?;
    let manifest = manifest(config, census, keys);
    let mut archive = Writer::new(output, lock)?;
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| BackupError::Program(MANIFEST.to_owned(), error.to_string()))?;
    archive.part(MANIFEST, &text)?;
    for (name, path) in beside_the_database(config, file) {
        let content = fs::read(&path).map_err(|error| BackupError::File(path, error))?;
        archive.part(&name, &content)?;
    }
    archive.database(dump.output(), &|bytes| told("the database", bytes))?;
    dump.end()?;
    Ok((archive.finish()?, manifest))
}

/// The configuration, in which no secret stands, and the keystore, which only its key opens.
fn beside_the_database(config: &Config, file: &Path) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = config::files(file)
        .into_iter()
        .filter_map(|path| {
            let within = path.strip_prefix(file.parent()?).ok()?;
            Some((format!("configuration/{}", within.display()), path))
        })
        .collect();
    if let (Choice::Local, Some(local)) = (config.secrets.backend, &config.secrets.local) {
        found.push(("keystore".to_owned(), local.keystore.clone()));
    }
    found
}

fn manifest(config: &Config, census: Census, keys: Vec<Fingerprint>) -> Manifest {
    let appliance = keys.iter().find_map(|key| match key {
        Fingerprint::Signing { digest, .. } => Some(digest.clone()),
        Fingerprint::Secret { .. } | Fingerprint::Tenant { .. } => None,
    });
    let backend = match config.secrets.backend {
        Choice::Vault => "vault",
        Choice::Local => "local",
    };
    Manifest {
        format: Manifest::format(),
        version: OWN_VERSION.to_owned(),
        schema: census.schema,
        taken_at: SystemClock.now(),
        appliance,
        backend: backend.to_owned(),
        keys,
        head: census.head,
        tables: census.tables,
    }
}
