//! A name server on loopback that knows one name (RFC 1035): for programs that look names up themselves, and
//! check that an address is really somebody's.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    thread,
};

/// Ends with the process.
pub struct Names {
    pub address: SocketAddr,
}

const HEADER: usize = 12;
/// Type A, class IN.
const ADDRESS: [u8; 4] = [0, 1, 0, 1];

impl Names {
    /// Answers that `name` has `address`, and that no other name has any.
    pub fn serve(name: &str, at: Ipv4Addr) -> io::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "a test's own name server")]
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let known = encoded(name);
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                if let Some(answer) = question.get(..length).and_then(|q| answer(q, &known, at)) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self { address })
    }
}

/// As labels, each with its length, in lower case.
fn encoded(name: &str) -> Vec<u8> {
    let mut labels = Vec::new();
    for label in name.split('.') {
        labels.push(u8::try_from(label.len()).unwrap_or_default());
        labels.extend(label.to_ascii_lowercase().bytes());
    }
    labels.push(0);
    labels
}

fn answer(question: &[u8], known: &[u8], at: Ipv4Addr) -> Option<Vec<u8>> {
    let asked = question.get(HEADER..)?;
    let end = asked.iter().position(|byte| *byte == 0)?.checked_add(1)?;
    let kind = asked.get(end..end.checked_add(4)?)?;
    let ours = asked.get(..end)?.to_ascii_lowercase() == known;
    let found = ours && kind == ADDRESS;
    let mut answer = question.get(..2)?.to_vec();
    // An authoritative answer; 3 is "no such name".
    answer.extend([0x84, if ours { 0 } else { 3 }]);
    answer.extend([0, 1, 0, u8::from(found), 0, 0, 0, 0]);
    answer.extend(asked.get(..end.checked_add(4)?)?);
    if found {
        // The name is where the question has it; a minute to live; four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(at.octets());
    }
    Some(answer)
}
