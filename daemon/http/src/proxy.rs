//! The PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2): what a trusted proxy says
//! before the first byte of TLS about whose connection it passes on. From anyone else it is not read, so
//! it is no TLS and the connection ends.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use tokio::{io::AsyncReadExt, net::TcpStream};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const HEAD: usize = 16;
/// Addresses take 36 bytes at most; the rest are remarks of the proxy, which are passed over.
const MOST: usize = 2048;

/// The connection, past what a trusted proxy said, and whose it is.
pub(crate) async fn greet(
    mut io: TcpStream,
    trusted: &[IpNet],
    patience: Duration,
) -> io::Result<(TcpStream, SocketAddr)> {
    let peer = io.peer_addr()?;
    if !trusts(trusted, peer.ip()) {
        return Ok((io, peer));
    }
    let said = tokio::time::timeout(patience, said(&mut io))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok((io, said.unwrap_or(peer)))
}

pub(crate) fn trusts(trusted: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|net| net.contains(&address))
}

/// `None` when the proxy speaks for itself, or says nothing and begins with TLS.
async fn said(io: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut first = [0];
    if io.peek(&mut first).await? == 0 || first != SIGNATURE[..1] {
        return Ok(None);
    }
    let mut head = [0; HEAD];
    io.read_exact(&mut head).await?;
    let (command, family, length) = head_of(&head)?;
    let mut rest = vec![0; length];
    io.read_exact(&mut rest).await?;
    source(command, family, &rest)
}

/// Command, family and the length of what follows.
fn head_of(head: &[u8; HEAD]) -> io::Result<(u8, u8, usize)> {
    let (signature, rest) = head.split_first_chunk().ok_or_else(malformed)?;
    let [version, family, l0, l1] = rest else {
        return Err(malformed());
    };
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    if *signature != SIGNATURE || version >> 4 != 2 || length > MOST {
        return Err(malformed());
    }
    Ok((version & 0x0f, *family, length))
}

/// LOCAL is the proxy's own connection, such as a health check; of PROXY, only TCP is ours to know.
fn source(command: u8, family: u8, rest: &[u8]) -> io::Result<Option<SocketAddr>> {
    match (command, family) {
        (0, _) => Ok(None),
        (1, 0x11) => {
            let ([a, b, c, d, _, _, _, _, p0, p1], _) =
                rest.split_first_chunk().ok_or_else(malformed)?;
            let port = u16::from_be_bytes([*p0, *p1]);
            Ok(Some(SocketAddr::from(([*a, *b, *c, *d], port))))
        }
        (1, 0x21) => {
            let (address, after) = rest.split_first_chunk::<16>().ok_or_else(malformed)?;
            let (_, after) = after.split_first_chunk::<16>().ok_or_else(malformed)?;
            let ([p0, p1], _) = after.split_first_chunk().ok_or_else(malformed)?;
            let address = IpAddr::V6(Ipv6Addr::from(*address)).to_canonical();
            Ok(Some(SocketAddr::new(
                address,
                u16::from_be_bytes([*p0, *p1]),
            )))
        }
        (1, _) => Ok(None),
        _ => Err(malformed()),
    }
}

fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a trusted proxy began with something that is neither TLS nor PROXY version 2",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(version: u8, family: u8, length: u16) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..12].copy_from_slice(&SIGNATURE);
        head[12] = version;
        head[13] = family;
        head[14..].copy_from_slice(&length.to_be_bytes());
        head
    }

    #[test]
    fn the_sources_of_both_families_are_read_past_remarks() {
        let v4 = [
            &[203, 0, 113, 9, 10, 0, 0, 1, 0x1f, 0x90, 1, 187][..],
            b"TLV",
        ]
        .concat();
        let found = source(1, 0x11, &v4).unwrap().unwrap();
        assert_eq!(found.to_string(), "203.0.113.9:8080");
        let client: Ipv6Addr = "2001:db8::9".parse().unwrap();
        let v6 = [&client.octets()[..], &[0; 16], &[0x1f, 0x90, 1, 187]].concat();
        let found = source(1, 0x21, &v6).unwrap().unwrap();
        assert_eq!(found.to_string(), "[2001:db8::9]:8080");
    }

    #[test]
    fn a_proxy_that_speaks_for_itself_names_nobody() {
        assert_eq!(source(0, 0x11, &[]).unwrap(), None);
        assert_eq!(source(1, 0x00, &[]).unwrap(), None);
        assert_eq!(source(1, 0x31, &[0; 216]).unwrap(), None);
    }

    #[test]
    fn what_is_not_version_2_is_refused() {
        assert!(head_of(&head(0x21, 0x11, 12)).is_ok());
        assert!(head_of(&head(0x11, 0x11, 12)).is_err());
        assert!(head_of(&head(0x21, 0x11, 60_000)).is_err());
        let mut other = head(0x21, 0x11, 12);
        other[3] = b' ';
        assert!(head_of(&other).is_err());
        assert!(source(1, 0x11, &[0; 9]).is_err());
        assert!(source(1, 0x21, &[0; 33]).is_err());
        assert!(source(7, 0x11, &[0; 12]).is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_proxy_says_is_an_address_or_an_error(
            head in any::<[u8; HEAD]>(), command in any::<u8>(), family in any::<u8>(),
            rest in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let _ = head_of(&head);
            let _ = source(command, family, &rest);
        }
    }
}
