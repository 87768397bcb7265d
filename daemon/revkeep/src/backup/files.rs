//! Configuration and local keystore of an archive, beside those that are here. What is missing is put in
//! place; what is here and differs stays as it is until somebody says which of the two counts, and is then
//! kept beside.
//!
//! An archive is made by whoever has a public key, so a name in it is taken for nothing but a file of the
//! configuration's own folder.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    BackupError, Keys,
    check::counted,
    manifest::Manifest,
    reader::{self, Sink},
};
use crate::{
    config::{self, Config},
    setup::system::{self, Account},
};

const CONFIGURATION: &str = "configuration/";
const FURTHER: &str = "conf.d";
const KEYSTORE: &str = "keystore";
const OF_CONFIGURATION: u32 = 0o640;
const OF_KEYSTORE: u32 = 0o600;
const STEP: &str = "putting files in place";
/// So many settings that differ are named.
const NAMED: usize = 8;

/// What counts where both differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Differing {
    /// What is here.
    Keep,
    /// What is in the archive; what is here is kept beside it.
    Take,
}

/// What is to be done with files, and nothing of it is.
pub(crate) struct Files {
    pub(crate) manifest: Manifest,
    steps: Vec<Step>,
    main: PathBuf,
    moment: String,
}

/// One file: the archive's is written, what was there is put aside, or both.
struct Step {
    path: PathBuf,
    new: Option<New>,
}

struct New {
    content: Vec<u8>,
    mode: u32,
    owner: Account,
}

/// A file that was put in place, or aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) file: PathBuf,
    /// Whether there is one under its name now.
    pub(crate) written: bool,
    /// Where the one that was there is.
    pub(crate) kept: Option<PathBuf>,
}

/// The settings of files of these texts, over the built-in ones.
type Settings = BTreeMap<String, Value>;

#[derive(Default)]
struct Parts(BTreeMap<String, Vec<u8>>);

impl Sink for Parts {
    fn part(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        self.0.insert(name.to_owned(), content.to_owned());
        Ok(())
    }
}

impl Files {
    /// Reads all of the archive and compares. `counts` says what does where both differ, and whether that may
    /// be the archive's keystore: one that is here has what was added since, and has not what was destroyed,
    /// so beside a database it is the one that counts.
    pub(crate) fn look(
        file: &Path,
        archive: (&Path, &Keys),
        counts: (Option<Differing>, bool),
        now: DateTime<Utc>,
        told: &dyn Fn(u64),
    ) -> Result<Self, BackupError> {
        let mut parts = Parts::default();
        let manifest = reader::read(counted(archive.0, told)?, archive.1, &mut parts)?;
        Self::compare(file, manifest, &parts, counts, now)
    }

    fn compare(
        file: &Path,
        manifest: Manifest,
        parts: &Parts,
        (differing, keystore): (Option<Differing>, bool),
        now: DateTime<Utc>,
    ) -> Result<Self, BackupError> {
        let archived = archived(file, parts)?;
        let here = here(file)?;
        let (was, is) = (settings(&archived)?, settings(&here)?);
        let takes = !archived.is_empty()
            && was != is
            && (is == settings(&BTreeMap::new())? || chosen(differing, || told_apart(&is, &was))?);
        let mut steps = Vec::new();
        if takes {
            steps.extend(configuration(file, archived, &here)?);
        }
        let counts = if takes { &was } else { &is };
        let store = parts.0.get(KEYSTORE).zip(place_of_keystore(counts));
        if let Some((content, path)) = store
            && !system::holds(&path, content)
        {
            let apart = || format!("the keystore {}", path.display());
            if !path.exists() || (keystore && chosen(differing, apart)?) {
                steps.push(Step {
                    new: Some(New::of(&path, content.clone(), OF_KEYSTORE)?),
                    path,
                });
            }
        }
        Ok(Self {
            manifest,
            steps,
            main: file.to_owned(),
            moment: now.format("%Y%m%dt%H%M%S").to_string(),
        })
    }

    /// What [`Files::apply`] would do.
    pub(crate) fn plan(&self) -> Vec<Changed> {
        let of = |step: &Step| Changed {
            file: step.path.clone(),
            written: step.new.is_some(),
            kept: step.path.exists().then(|| self.aside(&step.path)),
        };
        self.steps.iter().map(of).collect()
    }

    /// Does it. All of it is taken back when what this answers is dropped.
    pub(crate) fn apply(self) -> Result<Placed, BackupError> {
        let mut placed = Placed {
            done: Vec::new(),
            stays: false,
        };
        for step in &self.steps {
            let failed = |error| BackupError::File(step.path.clone(), error);
            let kept = step.path.exists().then(|| self.aside(&step.path));
            if let Some(kept) = &kept {
                fs::hard_link(&step.path, kept).map_err(failed)?;
            }
            placed.done.push(Changed {
                file: step.path.clone(),
                written: step.new.is_some(),
                kept,
            });
            match &step.new {
                Some(new) => {
                    let put = system::write(&step.path, &new.content, new.mode, new.owner);
                    put.map_err(|error| BackupError::Program(STEP.to_owned(), error.to_string()))?;
                }
                None => fs::remove_file(&step.path).map_err(failed)?,
            }
        }
        if !self.steps.is_empty() {
            Config::load(&self.main).map_err(|error| BackupError::Unfit(error.to_string()))?;
        }
        Ok(placed)
    }

    /// A name under which nothing is read.
    fn aside(&self, path: &Path) -> PathBuf {
        path.with_added_extension(format!("before-{}", self.moment))
    }
}

impl New {
    /// A folder says whose its files are: the configuration is root's and its group reads it, the keystore
    /// the daemon's alone.
    fn of(path: &Path, content: Vec<u8>, mode: u32) -> Result<Self, BackupError> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let there =
            fs::metadata(folder).map_err(|error| BackupError::File(folder.to_owned(), error))?;
        let user = if mode == OF_KEYSTORE {
            there.uid()
        } else {
            system::own().user
        };
        Ok(Self {
            content,
            mode,
            owner: Account {
                user,
                group: there.gid(),
            },
        })
    }
}

/// Whether the archive's counts; without a word nobody knows.
fn chosen(
    differing: Option<Differing>,
    apart: impl FnOnce() -> String,
) -> Result<bool, BackupError> {
    match differing {
        Some(Differing::Take) => Ok(true),
        Some(Differing::Keep) => Ok(false),
        None => Err(BackupError::FilesDiffer(apart())),
    }
}

/// The configuration of the archive, each text where its file belongs.
fn archived(file: &Path, parts: &Parts) -> Result<BTreeMap<PathBuf, String>, BackupError> {
    let mut found = BTreeMap::new();
    for (name, content) in &parts.0 {
        let Some(within) = name.strip_prefix(CONFIGURATION) else {
            continue;
        };
        let odd = || BackupError::NotABackup(format!("{name} is out of place"));
        let path = match within.split_once('/') {
            None => file.to_owned(),
            Some((FURTHER, one)) if is_plain(one) => file.with_file_name(FURTHER).join(one),
            Some(_) => return Err(odd()),
        };
        let text = String::from_utf8(content.clone()).map_err(|_| odd())?;
        if found.insert(path, text).is_some() {
            return Err(odd());
        }
    }
    Ok(found)
}

fn is_plain(name: &str) -> bool {
    name.strip_suffix(".toml").is_some_and(|stem| {
        !stem.is_empty()
            && !stem.starts_with('.')
            && stem
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    })
}

fn here(file: &Path) -> Result<BTreeMap<PathBuf, String>, BackupError> {
    let read = |path: PathBuf| match fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(error) => Err(BackupError::File(path, error)),
    };
    config::files(file).into_iter().map(read).collect()
}

/// The main file first and the further ones by name, as they are read.
fn settings(files: &BTreeMap<PathBuf, String>) -> Result<Settings, BackupError> {
    let further = |path: &Path| {
        path.parent()
            .is_some_and(|folder| folder.ends_with(FURTHER))
    };
    let (later, main): (Vec<_>, Vec<_>) = files.iter().partition(|(path, _)| further(path));
    let texts: Vec<&str> = main
        .iter()
        .chain(&later)
        .map(|(_, text)| text.as_str())
        .collect();
    config::settings(&texts).map_err(|error| BackupError::Unfit(error.to_string()))
}

/// Settings that differ, in words. No secret stands among them.
fn told_apart(is: &Settings, was: &Settings) -> String {
    let mut names: Vec<&String> = is.keys().chain(was.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| is.get(*name) != was.get(*name));
    let value =
        |of: &Settings, name: &str| of.get(name).map_or("unset".to_owned(), Value::to_string);
    let shown: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("{name} is {} and was {}", value(is, name), value(was, name)))
        .collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", shown.join("; "))
}

/// Files that are written, and files that the archive has not.
fn configuration(
    file: &Path,
    archived: BTreeMap<PathBuf, String>,
    here: &BTreeMap<PathBuf, String>,
) -> Result<Vec<Step>, BackupError> {
    let mut steps: Vec<Step> = here
        .keys()
        .filter(|path| !archived.contains_key(*path))
        .map(|path| Step {
            path: path.clone(),
            new: None,
        })
        .collect();
    for (path, text) in archived {
        if here.get(&path) == Some(&text) {
            continue;
        }
        // conf.d is made by writing into it, and is of the same folder.
        let new = New::of(file, text.into_bytes(), OF_CONFIGURATION)?;
        steps.push(Step {
            path,
            new: Some(new),
        });
    }
    Ok(steps)
}

fn place_of_keystore(settings: &Settings) -> Option<PathBuf> {
    let text = |name: &str| settings.get(name).and_then(Value::as_str);
    let local = text("secrets.backend") == Some("local");
    text("secrets.local.keystore")
        .filter(|_| local)
        .map(PathBuf::from)
}

/// Files that were put in place. Unless they are to stay, what was there comes back.
pub(crate) struct Placed {
    done: Vec<Changed>,
    stays: bool,
}

impl Placed {
    pub(crate) fn stay(mut self) -> Vec<Changed> {
        self.stays = true;
        std::mem::take(&mut self.done)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.done.is_empty()
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        for changed in self.done.iter().rev().filter(|_| !self.stays) {
            let back = match &changed.kept {
                Some(kept) => fs::rename(kept, &changed.file),
                None => fs::remove_file(&changed.file),
            };
            if let Err(error) = back {
                log::warn!("{} stays: {error}", changed.file.display());
            }
        }
    }
}

#[cfg(test)]
mod tests;
