//! An HTTP event collector over TLS in the form of Splunk's: it keeps what it took, and can be told to
//! fail.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context, Result, ensure};
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
    state: Arc<Mutex<State>>,
}

impl Collector {
    pub fn start() -> Result<Self> {
        let ca = TestCa::new()?;
        let leaf = ca.leaf(&["localhost"])?;
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_certificate(X509::from_pem(&leaf.certificate)?.as_ref())?;
        acceptor.set_private_key(PKey::private_key_from_pem(&leaf.key)?.as_ref())?;
        let acceptor = Arc::new(acceptor.build());
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (acceptor, state) = (Arc::clone(&acceptor), Arc::clone(&shared));
                thread::spawn(move || serve(&acceptor, stream, &state));
            }
        });
        Ok(Self {
            port,
            authority: String::from_utf8(ca.pem()?)?,
            state,
        })
    }

    /// What it has taken, in the order in which it came.
    pub fn events(&self) -> Vec<Value> {
        lock(&self.state).events.clone()
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
