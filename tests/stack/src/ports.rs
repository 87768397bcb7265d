//! Free ports on loopback.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

/// Below what the kernel gives to outgoing connections (`ip_local_port_range`), or one of those could take
/// a server's port between its death and its next start.
const RANGE: Range<u32> = 10_000..32_000;
/// Apart for processes that were started one after the other.
const STRIDE: u32 = 7_919;

static GIVEN: AtomicU32 = AtomicU32::new(0);

/// A TCP port of 127.0.0.1 that nobody listens on, and that this process has not given to anybody yet.
pub fn free() -> io::Result<u16> {
    let count = RANGE.end.saturating_sub(RANGE.start);
    let start = std::process::id().wrapping_mul(STRIDE);
    for _ in RANGE {
        let turn = start.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = RANGE
            .start
            .saturating_add(turn.checked_rem(count).unwrap_or(0));
        let port = u16::try_from(port).map_err(io::Error::other)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other("every port of the range is taken"))
}
