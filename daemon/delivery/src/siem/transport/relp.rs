//! The Reliable Event Logging Protocol, version 0, as librelp specifies it: frames `txnr SP command SP
//! length [SP data] LF`, each answered by `rsp` with the same number. An event is delivered when its answer
//! begins with `200`.

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{Channel, ended};
use crate::error::DeliveryError;

const OFFER: &str = "relp_version=0\nrelp_software=revkeep\ncommands=syslog";
/// Numbers are up to nine digits.
const LAST_NUMBER: u32 = 999_999_999;
/// An answer is a code and some words.
const MOST_FRAME: usize = 64 << 10;

pub(super) struct Relp {
    reading: ReadHalf<Box<dyn Channel>>,
    writing: WriteHalf<Box<dyn Channel>>,
    /// What was read and is not a whole frame yet.
    buffer: Vec<u8>,
    number: u32,
}

struct Frame {
    number: u32,
    command: Vec<u8>,
    data: Vec<u8>,
}

impl Relp {
    pub(super) async fn open(channel: Box<dyn Channel>) -> Result<Self, DeliveryError> {
        let (reading, writing) = tokio::io::split(channel);
        let mut relp = Self {
            reading,
            writing,
            buffer: Vec::new(),
            number: 0,
        };
        let opening = relp.frame("open", OFFER);
        relp.writing.write_all(&opening).await.map_err(ended)?;
        relp.writing.flush().await.map_err(ended)?;
        relp.confirmed(relp.number, 1).await?;
        Ok(relp)
    }

    /// Ends when each of the lines was confirmed.
    pub(super) async fn send(
        &mut self,
        lines: impl Iterator<Item = String>,
    ) -> Result<(), DeliveryError> {
        let (mut bytes, mut count) = (Vec::new(), 0_usize);
        let first = self.following();
        for line in lines {
            bytes.extend_from_slice(&self.frame("syslog", &line));
            count += 1;
        }
        let Self {
            reading,
            writing,
            buffer,
            ..
        } = self;
        let write = async {
            writing.write_all(&bytes).await.map_err(ended)?;
            writing.flush().await.map_err(ended)
        };
        // Both at once: a receiver that waits to get rid of its answers takes no more events.
        tokio::try_join!(write, confirmed(reading, buffer, first, count))?;
        Ok(())
    }

    /// Between batches nothing but the end is said.
    pub(super) async fn ended(&mut self) -> DeliveryError {
        match next(&mut self.reading, &mut self.buffer).await {
            Ok(_) => DeliveryError::Cut("the receiver closes".to_owned()),
            Err(error) => error,
        }
    }

    pub(super) async fn close(mut self) -> Result<(), DeliveryError> {
        let closing = self.frame("close", "");
        self.writing.write_all(&closing).await.map_err(ended)?;
        self.writing.shutdown().await.map_err(ended)
    }

    async fn confirmed(&mut self, first: u32, count: usize) -> Result<(), DeliveryError> {
        confirmed(&mut self.reading, &mut self.buffer, first, count).await
    }

    const fn following(&self) -> u32 {
        following(self.number)
    }

    fn frame(&mut self, command: &str, data: &str) -> Vec<u8> {
        self.number = self.following();
        let head = format!("{} {command} {}", self.number, data.len());
        let gap = if data.is_empty() { "" } else { " " };
        format!("{head}{gap}{data}\n").into_bytes()
    }
}

const fn following(number: u32) -> u32 {
    if number >= LAST_NUMBER { 1 } else { number + 1 }
}

/// Reads the answers to `count` frames from number `first` on, in their order.
async fn confirmed(
    reading: &mut ReadHalf<Box<dyn Channel>>,
    buffer: &mut Vec<u8>,
    first: u32,
    count: usize,
) -> Result<(), DeliveryError> {
    let mut number = first;
    for _ in 0..count {
        let frame = next(reading, buffer).await?;
        if frame.command != b"rsp" {
            return Err(DeliveryError::Cut("the receiver closes".to_owned()));
        }
        if frame.number != number || !frame.data.starts_with(b"200") {
            let said = String::from_utf8_lossy(frame.data.get(..40).unwrap_or(&frame.data));
            return Err(DeliveryError::NotAccepted(format!("RELP answer {said:?}")));
        }
        number = following(number);
    }
    Ok(())
}

/// The next frame of the receiver.
async fn next(
    reading: &mut ReadHalf<Box<dyn Channel>>,
    buffer: &mut Vec<u8>,
) -> Result<Frame, DeliveryError> {
    loop {
        if let Some((frame, used)) = parse(buffer)? {
            buffer.drain(..used);
            return Ok(frame);
        }
        let read = reading.read_buf(buffer).await.map_err(ended)?;
        if read == 0 {
            return Err(DeliveryError::Cut("the connection was closed".to_owned()));
        }
    }
}

/// The frame at the beginning and its length, `None` while it is not whole.
fn parse(buffer: &[u8]) -> Result<Option<(Frame, usize)>, DeliveryError> {
    let malformed = || DeliveryError::NotAccepted("an answer that is no RELP".to_owned());
    if buffer.len() > MOST_FRAME {
        return Err(malformed());
    }
    let Some((number, rest)) = word(buffer) else {
        return Ok(None);
    };
    let Some((command, rest)) = word(rest) else {
        return Ok(None);
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (length, rest) = rest.split_at(digits);
    let Some(after) = rest.first() else {
        return Ok(None);
    };
    let length: usize = text(length).ok_or_else(malformed)?;
    let body = rest.get(1..).unwrap_or_default();
    let data = match (length, after) {
        (0, b'\n') => &[],
        (0, b' ') if body.is_empty() => return Ok(None),
        (0, b' ') if body.first() == Some(&b'\n') => &[],
        (_, b' ') if body.len() <= length => {
            return if length > MOST_FRAME {
                Err(malformed())
            } else {
                Ok(None)
            };
        }
        (_, b' ') if body.get(length) == Some(&b'\n') => body.get(..length).unwrap_or_default(),
        _ => return Err(malformed()),
    };
    let trailer = if length == 0 && *after == b'\n' { 0 } else { 1 };
    let used = buffer.len() - rest.len() + 1 + data.len() + trailer;
    let frame = Frame {
        number: text(number).ok_or_else(malformed)?,
        command: command.to_vec(),
        data: data.to_vec(),
    };
    Ok(Some((frame, used)))
}

/// Up to the next space, and what follows it.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b' ')?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn text<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_however_it_arrives() {
        let offer = "200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0\ncommands=syslog";
        let whole = format!(
            "1 rsp {} {offer}\n2 rsp 6 200 OK\n0 serverclose 0\n",
            offer.len()
        );
        let mut frames = Vec::new();
        let mut buffer = Vec::new();
        for byte in whole.into_bytes() {
            buffer.push(byte);
            while let Some((frame, used)) = parse(&buffer).unwrap() {
                buffer.drain(..used);
                frames.push(frame);
            }
        }
        assert!(buffer.is_empty());
        let read: Vec<_> = frames
            .iter()
            .map(|f| (f.number, f.command.as_slice(), f.data.starts_with(b"200")))
            .collect();
        assert_eq!(
            read,
            [
                (1, &b"rsp"[..], true),
                (2, b"rsp", true),
                (0, b"serverclose", false)
            ]
        );
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [
            &b"x rsp 6 200 OK\n"[..],
            b"1 rsp 6 200 OKK",
            b"1 rsp -1 a\n",
            b"1 rsp 99999999 a",
            b"HTTP/1.1 400 Bad Request\r\n",
        ] {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    /// The receiver's answers lie ready: to the opening, and to the one event.
    #[tokio::test]
    async fn an_event_is_delivered_when_its_own_answer_is_200_and_not_before() {
        for (answer, taken) in [
            ("2 rsp 6 200 OK\n", true),
            ("2 rsp 13 500 disk full\n", false),
            ("2 rsp 0\n", false),
            ("3 rsp 6 200 OK\n", false),
        ] {
            let (near, mut far) = tokio::io::duplex(4_096);
            let answers = format!("1 rsp 6 200 OK\n{answer}");
            far.write_all(answers.as_bytes()).await.unwrap();
            let mut relp = Relp::open(Box::new(near)).await.unwrap();
            let sent = relp.send(std::iter::once("an event".to_owned())).await;
            assert_eq!(sent.is_ok(), taken, "{answer:?}: {sent:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_none(bytes in proptest::collection::vec(0_u8..=255, 0..200)) {
            if let Ok(Some((_, used))) = parse(&bytes) {
                proptest::prop_assert!(used <= bytes.len());
            }
        }
    }
}
