//! Syslog over a stream, each message after the number of its octets (RFC 5425 section 4.3, RFC 6587
//! section 3.4.1). The other side says nothing, ever; its silence ends with the connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{Channel, ended};
use crate::error::DeliveryError;

pub(super) struct Stream {
    reading: ReadHalf<Box<dyn Channel>>,
    writing: WriteHalf<Box<dyn Channel>>,
}

impl Stream {
    pub(super) fn new(channel: Box<dyn Channel>) -> Self {
        let (reading, writing) = tokio::io::split(channel);
        Self { reading, writing }
    }

    pub(super) async fn send(
        &mut self,
        lines: impl Iterator<Item = String>,
    ) -> Result<(), DeliveryError> {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.len().to_string().as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(line.as_bytes());
        }
        let writing = async {
            self.writing.write_all(&bytes).await?;
            self.writing.flush().await
        };
        // An end that has arrived already counts before what could still be written into the void.
        tokio::select! {
            biased;
            error = end(&mut self.reading) => Err(error),
            written = writing => written.map_err(ended),
        }
    }

    pub(super) async fn ended(&mut self) -> DeliveryError {
        end(&mut self.reading).await
    }

    pub(super) async fn close(mut self) -> Result<(), DeliveryError> {
        self.writing.shutdown().await.map_err(ended)
    }
}

/// Waits for the end of the connection; what is said before it is nobody's.
async fn end(reading: &mut ReadHalf<Box<dyn Channel>>) -> DeliveryError {
    let mut ignored = [0; 512];
    loop {
        match reading.read(&mut ignored).await {
            Ok(0) => return DeliveryError::Cut("the connection was closed".to_owned()),
            Ok(_) => {}
            Err(error) => return ended(error),
        }
    }
}
