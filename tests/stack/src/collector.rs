//! An HTTP event collector over TLS in the form of Splunk's: it keeps what it took, and can be told to
//! fail.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result, anyhow, ensure};
use openssl::{
    pkey::PKey,
    ssl::{SslAcceptor, SslMethod, SslStream},
    x509::X509,
};
use serde_json::Value;

use crate::tls::TestCa;

pub const TOKEN: &str = "canary-collector-token";

/// How the next requests fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Status 503, nothing is kept.
    Busy,
    /// Kept, and the connection ends without an answer.
    Cut,
    /// Status 200 with another code than zero, nothing is kept.
    Refused,
}

#[derive(Default)]
struct State {
    events: Vec<Value>,
    faults: Vec<Fault>,
}

pub struct Collector {
    pub port: u16,
    /// PEM of the authority that signed its certificate.
    pub authority: String,
    acceptor: Arc<SslAcceptor>,
    state: Arc<Mutex<State>>,
    door: Option<Door>,
}

/// What listens. Its thread gives back the connections that it took.
struct Door {
    closing: Arc<AtomicBool>,
    listening: JoinHandle<Vec<TcpStream>>,
}

impl Collector {
    pub fn start() -> Result<Self> {
        let ca = TestCa::new()?;
        let leaf = ca.leaf(&["localhost"])?;
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_certificate(X509::from_pem(&leaf.certificate)?.as_ref())?;
        acceptor.set_private_key(PKey::private_key_from_pem(&leaf.key)?.as_ref())?;
        let mut collector = Self {
            port: 0,
            authority: String::from_utf8(ca.pem()?)?,
            acceptor: Arc::new(acceptor.build()),
            state: Arc::default(),
            door: None,
        };
        collector.up()?;
        Ok(collector)
    }

    /// Listens again after [`Collector::down`], at the same port.
    pub fn up(&mut self) -> Result<()> {
        ensure!(self.door.is_none(), "the collector runs already");
        let listener = TcpListener::bind(("127.0.0.1", self.port))?;
        self.port = listener.local_addr()?.port();
        let closing = Arc::<AtomicBool>::default();
        let (acceptor, state) = (Arc::clone(&self.acceptor), Arc::clone(&self.state));
        let closed = Arc::clone(&closing);
        let listening = thread::spawn(move || listen(&listener, &closed, &acceptor, &state));
        self.door = Some(Door { closing, listening });
        Ok(())
    }

    /// Ends at once: whoever is connected is cut off, wherever their request was.
    pub fn down(&mut self) -> Result<()> {
        let Some(door) = self.door.take() else {
            return Ok(());
        };
        door.closing.store(true, Ordering::SeqCst);
        #[expect(clippy::disallowed_methods, reason = "wakes the test's own server")]
        drop(TcpStream::connect(("127.0.0.1", self.port))?);
        let taken = door.listening.join();
        for stream in taken.map_err(|_| anyhow!("the collector panicked"))? {
            let _ = stream.shutdown(Shutdown::Both);
        }
        Ok(())
    }

    /// What has come since the last look, in the order in which it came.
    pub fn received(&mut self) -> Vec<Value> {
        std::mem::take(&mut lock(&self.state).events)
    }

    /// One for each of the next requests; the last is the next.
    pub fn fail(&self, faults: &[Fault]) {
        lock(&self.state).faults.extend_from_slice(faults);
    }

    /// How many of them have not come about yet.
    pub fn faults_left(&self) -> usize {
        lock(&self.state).faults.len()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.down();
    }
}

fn listen(
    listener: &TcpListener,
    closing: &AtomicBool,
    acceptor: &Arc<SslAcceptor>,
    state: &Arc<Mutex<State>>,
) -> Vec<TcpStream> {
    let mut taken = Vec::new();
    for stream in listener.incoming().flatten() {
        if closing.load(Ordering::SeqCst) {
            break;
        }
        taken.extend(stream.try_clone());
        let (acceptor, state) = (Arc::clone(acceptor), Arc::clone(state));
        thread::spawn(move || serve(&acceptor, stream, &state));
    }
    taken
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests of one connection, until it ends.
fn serve(acceptor: &SslAcceptor, stream: TcpStream, state: &Mutex<State>) {
    let Ok(stream) = acceptor.accept(stream) else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while matches!(one(&mut reader, state), Ok(true)) {}
}

/// False when the connection ends.
fn one(reader: &mut BufReader<SslStream<TcpStream>>, state: &Mutex<State>) -> Result<bool> {
    let (mut length, mut known, mut line) = (0, false, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let header = line.trim_end().to_owned();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse()?,
                "authorization" => known = value.trim() == format!("Splunk {TOKEN}"),
                _ => {}
            }
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let events: Vec<Value> = serde_json::Deserializer::from_slice(&body)
        .into_iter()
        .collect::<Result<_, _>>()
        .context("a body that is no JSON")?;
    ensure!(
        events.iter().all(|event| event.get("event").is_some()),
        "an event without `event`"
    );
    let (status, answer) = {
        let mut state = lock(state);
        match (known, state.faults.pop()) {
            (false, _) => (
                "401 Unauthorized",
                r#"{"text":"Token is required","code":2}"#,
            ),
            (true, Some(Fault::Busy)) => (
                "503 Service Unavailable",
                r#"{"text":"Server is busy","code":9}"#,
            ),
            (true, Some(Fault::Refused)) => ("200 OK", r#"{"text":"Incorrect index","code":7}"#),
            (true, Some(Fault::Cut)) => {
                state.events.extend(events);
                return Ok(false);
            }
            (true, None) => {
                state.events.extend(events);
                ("200 OK", r#"{"text":"Success","code":0}"#)
            }
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    );
    reader.get_mut().write_all(head.as_bytes())?;
    Ok(true)
}
