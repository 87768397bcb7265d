//! Live updates: what changed in a tenant, told to its open pages. A page is told topics, never
//! rows; it then reads what its person may see.

use std::{collections::BTreeSet, time::Duration};

use kernel::TenantId;
use tokio::sync::{broadcast, watch};

/// A topic that changed in a tenant. `None`: hints were lost, so anything may have changed.
pub type Change = Option<(String, TenantId)>;

/// What pages know; hints of other topics are the daemon's own business.
pub(crate) const TOPICS: [&str; 9] = [
    "assignments",
    "failures",
    "router",
    "connection",
    "jobs",
    "reps",
    "layer",
    "members",
    "api_keys",
];

/// A page is told at most this often; what happens in between comes together.
const GATHER: Duration = Duration::from_millis(250);

/// Where pages hear of changes, and of the daemon's end.
#[derive(Clone)]
pub struct Live {
    changes: broadcast::Sender<Change>,
    stop: watch::Receiver<bool>,
}

impl Live {
    /// `changes` is fed by the one task that listens to the database; `stop` turns true when the
    /// daemon ends, so that open streams do not hold it up.
    pub const fn new(changes: broadcast::Sender<Change>, stop: watch::Receiver<bool>) -> Self {
        Self { changes, stop }
    }

    pub(crate) fn listen(&self, tenant: TenantId) -> Listener {
        Listener {
            changes: self.changes.subscribe(),
            stop: self.stop.clone(),
            tenant,
            heard: Topics::new(),
        }
    }
}

/// One page's ear.
pub(crate) struct Listener {
    changes: broadcast::Receiver<Change>,
    stop: watch::Receiver<bool>,
    tenant: TenantId,
    /// Heard and not yet told.
    heard: Topics,
}

type Topics = BTreeSet<&'static str>;

impl Listener {
    /// The topics that changed next; `None` when the daemon ends. What was heard is kept when the
    /// call is given up before it answers.
    pub(crate) async fn next(&mut self) -> Option<Topics> {
        while self.heard.is_empty() {
            let change = tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return None,
                change = self.changes.recv() => change,
            };
            match change {
                Ok(change) => self.add(change),
                Err(broadcast::error::RecvError::Lagged(_)) => self.heard.extend(TOPICS),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
        tokio::time::sleep(GATHER).await;
        loop {
            match self.changes.try_recv() {
                Ok(change) => self.add(change),
                Err(broadcast::error::TryRecvError::Lagged(_)) => self.heard.extend(TOPICS),
                Err(_) => return Some(std::mem::take(&mut self.heard)),
            }
        }
    }

    fn add(&mut self, change: Change) {
        match change {
            None => self.heard.extend(TOPICS),
            Some((topic, tenant)) if tenant == self.tenant => {
                self.heard
                    .extend(TOPICS.iter().find(|known| **known == topic));
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use kernel::SystemClock;

    use super::*;

    fn channel() -> (Live, broadcast::Sender<Change>, watch::Sender<bool>) {
        let (changes, _) = broadcast::channel(4);
        let (stopper, stop) = watch::channel(false);
        (Live::new(changes.clone(), stop), changes, stopper)
    }

    fn topics(found: Option<Topics>) -> Vec<&'static str> {
        found.unwrap_or_default().into_iter().collect()
    }

    #[tokio::test]
    async fn a_page_hears_its_own_tenant_and_known_topics_together() {
        let (live, changes, _stopper) = channel();
        let (ours, theirs) = (
            TenantId::generate(&SystemClock),
            TenantId::generate(&SystemClock),
        );
        let mut page = live.listen(ours);
        for (topic, tenant) in [
            ("jobs", theirs),
            ("sessions", ours),
            ("reps", ours),
            ("layer", ours),
        ] {
            changes.send(Some((topic.to_owned(), tenant))).unwrap();
        }
        assert_eq!(topics(page.next().await), ["layer", "reps"]);
    }

    #[tokio::test]
    async fn lost_hints_and_a_slow_page_mean_look_at_everything() {
        let (live, changes, _stopper) = channel();
        let (ours, theirs) = (
            TenantId::generate(&SystemClock),
            TenantId::generate(&SystemClock),
        );
        let mut page = live.listen(ours);
        changes.send(None).unwrap();
        assert_eq!(topics(page.next().await).len(), TOPICS.len());
        for _ in 0..9 {
            changes.send(Some((String::from("jobs"), theirs))).unwrap();
        }
        assert_eq!(topics(page.next().await).len(), TOPICS.len());
    }

    #[tokio::test]
    async fn what_was_heard_survives_a_heartbeat() {
        let (live, changes, _stopper) = channel();
        let ours = TenantId::generate(&SystemClock);
        let mut page = live.listen(ours);
        changes.send(Some((String::from("jobs"), ours))).unwrap();
        assert!(page.next().now_or_never().is_none(), "still gathering");
        assert_eq!(topics(page.next().await), ["jobs"]);
    }

    #[tokio::test]
    async fn the_daemons_end_ends_the_stream() {
        let (live, _changes, stopper) = channel();
        let mut page = live.listen(TenantId::generate(&SystemClock));
        stopper.send(true).unwrap();
        assert!(page.next().await.is_none());
    }
}
