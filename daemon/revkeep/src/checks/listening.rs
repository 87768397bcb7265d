//! Which ports listen, by the kernel's own list for this process's network (LM-72, CX-22).

use std::{
    collections::HashSet,
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::Finding;
use crate::config::Config;

const SUBJECT: &str = "ports";
/// Plain HTTP, and data services that nobody but this machine has to do with.
const CLOSED: [(u16, &str); 6] = [
    (80, "plain HTTP"),
    (5432, "PostgreSQL"),
    (27017, "MongoDB"),
    (6379, "Redis"),
    (6333, "Qdrant"),
    (11434, "Ollama"),
];

/// A socket that takes TCP connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Socket {
    address: IpAddr,
    port: u16,
    user: u32,
    inode: u64,
}

/// Whether the port of the configuration is this daemon's, or free for it.
pub(super) fn port(config: &Config) -> Finding {
    let port = config.server.listen.port();
    let found = sockets().and_then(|sockets| Ok((sockets, own_inodes()?)));
    match found {
        Ok((sockets, own)) => holder(port, &sockets, &own),
        Err(error) => Finding::warn(
            SUBJECT,
            format!("who listens on port {port} cannot be known: {error}"),
            "`ss -ltnp`",
        ),
    }
}

fn holder(port: u16, sockets: &[Socket], own: &HashSet<u64>) -> Finding {
    let Some(holder) = sockets.iter().find(|socket| socket.port == port) else {
        return Finding::pass(SUBJECT, format!("port {port} is free"));
    };
    if own.contains(&holder.inode) {
        return Finding::pass(SUBJECT, format!("port {port} is served by this daemon"));
    }
    if holder.user == 0 {
        return Finding::pass(
            SUBJECT,
            format!("port {port} is held by root, as systemd does for revkeep.socket"),
        );
    }
    Finding::fail(
        SUBJECT,
        format!(
            "port {port} is taken by user {}: another program, or a daemon that does not answer",
            holder.user
        ),
        format!("`ss -ltnp 'sport = :{port}'` names it; stop it, or change server.listen"),
    )
}

/// For `revkeep doctor`: what should not listen and does.
pub(super) fn closed(config: &Config) -> Finding {
    match open_to_network(config) {
        Ok(open) if open.is_empty() => {
            Finding::pass(SUBJECT, "none but the daemon's own is open to the network")
        }
        Ok(open) => Finding::fail(
            SUBJECT,
            open.join("; "),
            "bind it to 127.0.0.1, or stop it; a firewall before it is not seen from here",
        ),
        Err(error) => Finding::warn(
            SUBJECT,
            format!("cannot be known: {error}"),
            "`ss -ltn` shows them",
        ),
    }
}

/// What listens and should not, a line each.
pub(crate) fn open_to_network(config: &Config) -> io::Result<Vec<String>> {
    let server = &config.server;
    let meant: Vec<u16> = [Some(server.listen), server.metrics_listen]
        .into_iter()
        .flatten()
        .map(|address| address.port())
        .collect();
    Ok(judged(
        &sockets()?,
        &own_inodes()?,
        &meant,
        config.database.port,
    ))
}

fn judged(sockets: &[Socket], own: &HashSet<u64>, meant: &[u16], database: u16) -> Vec<String> {
    let mut found = Vec::new();
    for socket in sockets {
        let (address, port) = (socket.address, socket.port);
        if own.contains(&socket.inode) {
            if !meant.contains(&port) {
                found.push(format!(
                    "this daemon listens on port {port} of {address}, which no setting names"
                ));
            }
            continue;
        }
        let known = CLOSED
            .iter()
            .find(|(closed, _)| *closed == port)
            .map(|(_, name)| *name)
            .or_else(|| (port == database).then_some("PostgreSQL"));
        if let Some(name) = known.filter(|_| !address.to_canonical().is_loopback()) {
            found.push(format!(
                "port {port} ({name}) is open to the network at {address}"
            ));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// /proc/self/net, because a confined unit sees nothing of /proc but its own process.
fn sockets() -> io::Result<Vec<Socket>> {
    let mut sockets = parsed(&fs::read_to_string("/proc/self/net/tcp")?);
    // Not there on a machine without IPv6.
    if let Ok(six) = fs::read_to_string("/proc/self/net/tcp6") {
        sockets.extend(parsed(&six));
    }
    Ok(sockets)
}

fn own_inodes() -> io::Result<HashSet<u64>> {
    Ok(fs::read_dir("/proc/self/fd")?
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            inode.parse().ok()
        })
        .collect())
}

/// Lines of proc_net_tcp(5) in the state LISTEN.
fn parsed(text: &str) -> Vec<Socket> {
    text.lines().skip(1).filter_map(socket).collect()
}

fn socket(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if fields.get(3) != Some(&"0A") {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    Some(Socket {
        address: self::address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        user: fields.get(7)?.parse().ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// The kernel writes each four bytes as a number of the machine's own order.
fn address(hex: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for start in (0..hex.len()).step_by(8) {
        let word = hex.get(start..start.checked_add(8)?)?;
        bytes.extend(u32::from_str_radix(word, 16).ok()?.to_ne_bytes());
    }
    <[u8; 4]>::try_from(bytes.as_slice())
        .map(|four| Ipv4Addr::from(four).into())
        .or_else(|_| {
            <[u8; 16]>::try_from(bytes.as_slice()).map(|sixteen| Ipv6Addr::from(sixteen).into())
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 0100007F:2488 00000000:0000 0A 00000000:00000000 00:00000000 00000000   990        0 11 1 0 100 0 0 10 0\n\
        \x20  1: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   110        0 12 1 0 100 0 0 10 0\n\
        \x20  2: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   110        0 13 1 0 100 0 0 10 0\n\
        \x20  3: 0100007F:18EB 0100007F:0050 01 00000000:00000000 00:00000000 00000000   110        0 14 1 0 100 0 0 10 0\n";
    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15 1 0 100 0 0 10 0\n\
        \x20  1: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 16 1 0 100 0 0 10 0\n\
        \x20  2: 00000000000000000000000001000000:2CAA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0 100 0 0 10 0\n";

    fn all() -> Vec<Socket> {
        [parsed(TCP), parsed(TCP6)].concat()
    }

    #[test]
    fn the_kernels_list_is_read() {
        let told: Vec<String> = all()
            .iter()
            .map(|socket| format!("{} {} {}", socket.address, socket.port, socket.inode))
            .collect();
        assert_eq!(
            told,
            [
                "127.0.0.1 9352 11",
                "0.0.0.0 5432 12",
                "127.0.0.1 6379 13",
                ":: 443 15",
                "::ffff:127.0.0.1 80 16",
                "::1 11434 17",
            ]
        );
    }

    #[test]
    fn what_is_open_to_the_network_and_what_no_setting_names_are_found() {
        let own = HashSet::from([11, 15]);
        assert_eq!(
            judged(&all(), &own, &[443, 9352], 5432),
            ["port 5432 (PostgreSQL) is open to the network at 0.0.0.0"]
        );
        let unnamed = judged(&all(), &own, &[443], 5432);
        assert!(
            unnamed.contains(
                &"this daemon listens on port 9352 of 127.0.0.1, which no setting names".to_owned()
            ),
            "{unnamed:?}"
        );
        let another = judged(&all(), &HashSet::new(), &[], 443);
        assert!(
            another
                .iter()
                .any(|line| line.starts_with("port 443 (PostgreSQL)"))
        );
    }

    #[test]
    fn a_port_that_somebody_else_has_is_told() {
        let told = |port, own: &[u64]| holder(port, &all(), &own.iter().copied().collect());
        assert_eq!(told(443, &[15]).verdict, Verdict::Pass);
        assert_eq!(told(443, &[]).verdict, Verdict::Pass);
        assert_eq!(told(8443, &[]).verdict, Verdict::Pass);
        assert_eq!(told(5432, &[]).verdict, Verdict::Fail);
    }

    #[test]
    fn a_socket_of_this_very_process_is_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = sockets().unwrap();
        let ours = found.iter().find(|socket| socket.port == port).unwrap();
        assert!(own_inodes().unwrap().contains(&ours.inode));
    }
}
