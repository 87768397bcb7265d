//! The machine's journal, by its native protocol: fields in one datagram, so that `journalctl
//! REVKEEP_EVENT=...` finds one.

use tokio::net::UnixDatagram;

use super::ended;
use crate::{error::DeliveryError, siem::event::Event};

const SOCKET: &str = "/run/systemd/journal/socket";

pub(super) struct Journal {
    socket: UnixDatagram,
}

impl Journal {
    pub(super) fn open() -> Result<Self, DeliveryError> {
        let socket = UnixDatagram::unbound().map_err(ended)?;
        socket.connect(SOCKET).map_err(ended)?;
        Ok(Self { socket })
    }

    pub(super) async fn send(&self, event: &Event, line: &str) -> Result<(), DeliveryError> {
        self.socket
            .send(datagram(event, line).as_bytes())
            .await
            .map_err(ended)?;
        Ok(())
    }
}

/// No value has a line break in it, so each field is `NAME=value` and a line.
fn datagram(event: &Event, line: &str) -> String {
    let priority = if event.outcome == "done" { 6 } else { 4 };
    let mut fields = format!(
        "MESSAGE={line}\nPRIORITY={priority}\nSYSLOG_IDENTIFIER=revkeep-audit\nREVKEEP_EVENT={}\n",
        event.id
    );
    for (name, value) in event.fields() {
        if matches!(name, "tenant" | "action" | "outcome" | "position") {
            let value = value.replace(char::is_control, " ");
            fields.push_str(&format!("REVKEEP_{}={value}\n", name.to_uppercase()));
        }
    }
    fields
}
