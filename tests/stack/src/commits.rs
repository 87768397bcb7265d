//! A cable between daemons and PostgreSQL's Unix socket that is cut at a COMMIT: before the server hears
//! of it, or after it has done it and before anybody is told.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Result;

/// Where a commit is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server never hears of it.
    Before,
    /// The server has done it, and its answer is lost.
    After,
}

/// What the door to the database sends when a unit of work of a tenant or a person ends well.
const COMMIT: &[u8] = b"(current_tenant() IS NOT NULL)::integer; COMMIT";

type Armed = Arc<Mutex<Option<(Cut, u32)>>>;

pub struct CommitCable {
    directory: PathBuf,
    armed: Armed,
}

impl CommitCable {
    /// A socket in `directory` that leads to the server's own, of port `port` like it.
    pub fn lay(directory: &Path, server: &Path, port: u16) -> Result<Self> {
        let name = format!(".s.PGSQL.{port}");
        let path = directory.join(&name);
        let listener = UnixListener::bind(&path)?;
        open_to_all(&path)?;
        let (armed, server) = (Armed::default(), server.join(name));
        let cable = Self {
            directory: directory.to_owned(),
            armed: Arc::clone(&armed),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is away refuses, and so does the cable.
                let _ = join(client, &server, &armed);
            }
        });
        Ok(cable)
    }

    /// `host` of a connection string.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Cuts at the commit that comes after `passing` others, once.
    pub fn cut_after(&self, passing: u32, cut: Cut) {
        *lock(&self.armed) = Some((cut, passing));
    }

    /// Whether the cut has been made.
    pub fn is_cut(&self) -> bool {
        lock(&self.armed).is_none()
    }
}

fn lock(armed: &Armed) -> std::sync::MutexGuard<'_, Option<(Cut, u32)>> {
    armed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everybody may knock: the server asks who they are.
fn open_to_all(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        path,
        std::fs::Permissions::from_mode(0o777),
    )?)
}

/// The server sees this process as its peer, which may become every role.
fn join(client: UnixStream, server: &Path, armed: &Armed) -> Result<()> {
    let server = UnixStream::connect(server)?;
    let (answers, asker) = (server.try_clone()?, client.try_clone()?);
    let armed = Arc::clone(armed);
    let told = Arc::new(Mutex::new(true));
    let tells = Arc::clone(&told);
    thread::spawn(move || answer(answers, asker, &tells));
    thread::spawn(move || ask(client, server, &armed, &told));
    Ok(())
}

fn ask(mut client: UnixStream, mut server: UnixStream, armed: &Armed, told: &Mutex<bool>) {
    let mut bytes = [0; 64 << 10];
    while let Ok(read) = client.read(&mut bytes) {
        let Some(some) = bytes.get(..read).filter(|some| !some.is_empty()) else {
            break;
        };
        let cut = strikes(armed, some);
        if cut == Some(Cut::Before) {
            break;
        }
        if cut == Some(Cut::After) {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = false;
        }
        if server.write_all(some).is_err() {
            break;
        }
        if cut.is_some() {
            // Whoever answers ends both, once the server has spoken.
            return;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Whether this is a commit, and the one to cut.
fn strikes(armed: &Armed, sent: &[u8]) -> Option<Cut> {
    if !sent.windows(COMMIT.len()).any(|part| part == COMMIT) {
        return None;
    }
    let mut armed = lock(armed);
    match armed.take() {
        Some((cut, 0)) => Some(cut),
        Some((cut, passing)) => {
            *armed = Some((cut, passing.saturating_sub(1)));
            None
        }
        None => None,
    }
}

fn answer(mut server: UnixStream, mut client: UnixStream, told: &Mutex<bool>) {
    let mut bytes = [0; 64 << 10];
    while let Ok(read) = server.read(&mut bytes) {
        let Some(some) = bytes.get(..read).filter(|some| !some.is_empty()) else {
            break;
        };
        let told = *told.lock().unwrap_or_else(PoisonError::into_inner);
        if !told || client.write_all(some).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
