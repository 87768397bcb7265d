//! Free ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

/// A TCP port that was free on 127.0.0.1 a moment ago. The kernel hands out ephemeral ports in
/// turn, so two callers in a row do not get the same one; a server that still finds it taken says
/// so when it starts.
pub fn free() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
