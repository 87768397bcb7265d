//! A cable between a client and a server on loopback that can be cut: what was on its way is lost, on both
//! sides at once.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Result;

pub struct Cable {
    /// Where the client connects to.
    pub port: u16,
    ends: Ends,
}

type Ends = Arc<Mutex<Vec<TcpStream>>>;

impl Cable {
    /// To the server at this port.
    pub fn to(server: u16) -> Result<Self> {
        Self::from((Ipv4Addr::LOCALHOST, 0).into(), server)
    }

    /// The same for clients that connect to `address`.
    pub fn from(address: SocketAddr, server: u16) -> Result<Self> {
        let listener = TcpListener::bind(address)?;
        let port = listener.local_addr()?.port();
        let ends: Ends = Ends::default();
        let laid = Arc::clone(&ends);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is away refuses, and so does the cable.
                let _ = join(client, server, &laid);
            }
        });
        Ok(Self { port, ends })
    }

    /// Ends every connection; new ones are possible at once.
    pub fn cut(&self) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        for end in ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn join(client: TcpStream, server: u16, ends: &Ends) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a test's own wire")]
    let server = TcpStream::connect(("127.0.0.1", server))?;
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || carry(from, to));
    }
    let mut ends = ends.lock().unwrap_or_else(PoisonError::into_inner);
    ends.extend([client, server]);
    Ok(())
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 << 10];
    while let Ok(read) = from.read(&mut bytes) {
        let Some(some) = bytes.get(..read).filter(|some| !some.is_empty()) else {
            break;
        };
        if to.write_all(some).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
