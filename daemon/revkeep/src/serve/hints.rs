//! Listens for hints of other daemons (and our own): caches forget, and open pages look again.

use std::time::Duration;

use console::Change;
use db::{DbConfig, Hints};
use identity::Identity;
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
};

const EVERY: Duration = Duration::from_millis(250);
const AGAIN: Duration = Duration::from_secs(2);
/// Changes that a slow page may be behind before it is told to look at everything again.
const BACKLOG: usize = 1024;

pub(super) fn start(
    config: &DbConfig,
    identity: Identity,
    stop: watch::Receiver<bool>,
) -> (broadcast::Sender<Change>, JoinHandle<()>) {
    let (changes, _) = broadcast::channel(BACKLOG);
    let task = tokio::spawn(listen(config.clone(), identity, changes.clone(), stop));
    (changes, task)
}

async fn listen(
    config: DbConfig,
    identity: Identity,
    changes: broadcast::Sender<Change>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connection: Option<Hints> = None;
    loop {
        let (config, held) = (config.clone(), connection.take());
        let fresh = held.is_none();
        let polled = tokio::task::spawn_blocking(move || {
            let mut hints = match held {
                Some(hints) => hints,
                None => Hints::listen(&config)?,
            };
            let heard = hints.poll()?;
            Ok::<_, db::DbError>((hints, heard))
        })
        .await;
        let pause = match polled {
            Ok(Ok((hints, heard))) => {
                connection = Some(hints);
                if fresh {
                    // What was said while nobody listened is unknown.
                    identity.forget_all();
                    let _ = changes.send(None);
                }
                for (topic, tenant) in heard {
                    if topic == "api_keys" {
                        identity.forget_api_keys(tenant);
                    }
                    if topic == "grants" {
                        identity.forget_tokens(tenant);
                    }
                    if topic == "sessions" {
                        identity.forget_tenant(tenant);
                    }
                    let _ = changes.send(Some((topic, tenant)));
                }
                EVERY
            }
            Ok(Err(_)) | Err(_) => AGAIN,
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
