//! The unit: its network profile, and starting it.

use std::{path::Path, time::Duration};

use serde_json::Value;

use super::{
    Ground, Made, SetupError,
    answers::Network,
    system::{self, ROOT},
};
use crate::admin::{self, Question, Reply};

const DROP_IN: &str = "/etc/systemd/system/revkeep.service.d/network.conf";
const LOOK: Duration = Duration::from_millis(200);
const LOOKS: u32 = 300;

pub(super) fn look(ground: &Ground) -> Result<Option<String>, SetupError> {
    let profile = ground.answers.network.profile.name();
    let right = system::holds(
        Path::new(DROP_IN),
        drop_in(&ground.answers.network).as_bytes(),
    );
    Ok(Some(if right {
        format!("see that the daemon runs, under the network profile {profile}")
    } else {
        format!("write {DROP_IN} (network profile {profile}), and start the daemon")
    }))
}

pub(super) fn apply(ground: &Ground, _: &mut Made) -> Result<(), SetupError> {
    let content = drop_in(&ground.answers.network);
    system::write(Path::new(DROP_IN), content.as_bytes(), 0o644, ROOT)?;
    let systemctl = |arguments: &[&str]| system::run("systemctl", arguments, &[]).map(|_| ());
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", "--quiet", "revkeep.socket", "revkeep.service"])?;
    systemctl(&["start", "revkeep.socket"])?;
    // What was configured anew is read at a start alone.
    systemctl(&["restart", "revkeep.service"])?;
    let config = ground.config()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| SetupError::NotReady(error.to_string()))?;
    runtime.block_on(async {
        let mut said = String::new();
        for _ in 0..LOOKS {
            match admin::ask(&config.admin.socket, &Question::Status) {
                Ok(Reply::Answer(status))
                    if status.get("ready").and_then(Value::as_bool) == Some(true) =>
                {
                    return Ok(());
                }
                Ok(Reply::Answer(status)) => said = status.to_string(),
                Ok(Reply::Refusal { message, .. }) => said = message,
                Err(error) => said = error.to_string(),
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(SetupError::NotReady(format!(
            "{said}. Next step: `revkeep check`, then `journalctl -u revkeep -n 50`"
        )))
    })
}

fn drop_in(network: &Network) -> String {
    let mut text = format!(
        "# Written by `revkeep setup`, which writes it anew when it is run again.\n{}",
        network.profile.text()
    );
    for reach in &network.reach {
        text.push_str(&format!("IPAddressAllow={reach}\n"));
    }
    text
}
