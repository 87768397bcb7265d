//! A receiver of webhooks over TLS: it keeps what it was sent, and answers as it is told.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::Result;
use openssl::{
    pkey::PKey,
    ssl::{SslAcceptor, SslMethod, SslStream},
    x509::X509,
};

use crate::{tls::TestCa, world::World};

/// How the next request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    /// To metadata, where nobody should go.
    Redirect,
    /// The connection ends without an answer.
    Cut,
    /// Nothing until [`Receiver::release`].
    Hang,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map_or("", |(_, value)| value)
    }
}

#[derive(Default)]
struct State {
    requests: Vec<Received>,
    /// The last is the next; without one: 204, or nothing while it hangs.
    replies: Vec<Reply>,
    hanging: bool,
    released: bool,
    closing: bool,
    taken: Vec<TcpStream>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

pub struct Receiver {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Its certificate is of `ca`, for localhost.
    pub fn start(ca: &TestCa) -> Result<Self> {
        let leaf = ca.leaf(&["localhost"])?;
        Self::showing(&leaf.certificate, &leaf.key)
    }

    /// With the certificate of the world's servers, which its daemons trust.
    pub fn of_world(world: &World) -> Result<Self> {
        let read = |name: &str| std::fs::read(world.directory().join(name));
        Self::showing(&read("server.pem")?, &read("server.key")?)
    }

    fn showing(certificate: &[u8], key: &[u8]) -> Result<Self> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_certificate(X509::from_pem(certificate)?.as_ref())?;
        acceptor.set_private_key(PKey::private_key_from_pem(key)?.as_ref())?;
        let acceptor = Arc::new(acceptor.build());
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::<Shared>::default();
        let listening = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut state = listening.lock();
                if state.closing {
                    return;
                }
                state.taken.extend(stream.try_clone());
                drop(state);
                let (acceptor, shared) = (Arc::clone(&acceptor), Arc::clone(&listening));
                thread::spawn(move || serve(&acceptor, stream, &shared));
            }
        });
        Ok(Self { port, shared })
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/hook", self.port)
    }

    /// How the next requests are answered, in this order.
    pub fn reply(&self, replies: &[Reply]) {
        self.shared.lock().replies = replies.iter().rev().copied().collect();
    }

    /// Everything that has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().requests.clone()
    }

    /// Blocks until so many requests have come.
    pub fn wait_for(&self, requests: usize) {
        let mut state = self.shared.lock();
        while state.requests.len() < requests {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// From now on nothing is answered, until [`Receiver::release`].
    pub fn hang(&self) {
        let mut state = self.shared.lock();
        (state.hanging, state.released) = (true, false);
    }

    /// Answers those that hang.
    pub fn release(&self) {
        let mut state = self.shared.lock();
        (state.hanging, state.released) = (false, true);
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        for stream in state.taken.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.release();
        #[expect(clippy::disallowed_methods, reason = "wakes the test's own server")]
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests of one connection, until it ends.
fn serve(acceptor: &SslAcceptor, stream: TcpStream, shared: &Shared) {
    let Ok(stream) = acceptor.accept(stream) else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while matches!(one(&mut reader, shared), Ok(true)) {}
}

/// False when the connection ends.
fn one(reader: &mut BufReader<SslStream<TcpStream>>, shared: &Shared) -> Result<bool> {
    let (mut headers, mut line) = (Vec::new(), String::new());
    if reader.read_line(&mut line)? == 0 {
        return Ok(false);
    }
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut received = Received {
        headers,
        body: String::new(),
    };
    let mut body = vec![0; received.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    received.body = String::from_utf8(body)?;
    let mut state = shared.lock();
    state.requests.push(received);
    let otherwise = if state.hanging {
        Reply::Hang
    } else {
        Reply::Status(204)
    };
    let reply = state.replies.pop().unwrap_or(otherwise);
    shared.changed.notify_all();
    let head = match reply {
        Reply::Cut => {
            // The list of what was taken holds the connection too, so that letting go of it does not end it.
            reader.get_ref().get_ref().shutdown(Shutdown::Both)?;
            return Ok(false);
        }
        Reply::Redirect => "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n".to_owned(),
        Reply::Status(status) => format!("HTTP/1.1 {status} Told\r\n"),
        Reply::Hang => {
            while !state.released {
                state = shared
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            "HTTP/1.1 204 No Content\r\n".to_owned()
        }
    };
    drop(state);
    let answer = if head.contains(" 204 ") {
        format!("{head}\r\n")
    } else {
        format!("{head}content-length: 0\r\n\r\n")
    };
    reader.get_mut().write_all(answer.as_bytes())?;
    Ok(true)
}
