//! Live updates: what changed in a tenant, told to its open pages. A page is told topics, never
//! rows; it then reads what its person may see.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{SessionId, TenantId};
use tokio::sync::{broadcast, oneshot, watch};

/// A topic that changed in a tenant. `None`: hints were lost, so anything may have changed.
pub type Change = Option<(String, TenantId)>;

/// What pages know; hints of other topics are the daemon's own business.
pub(crate) const TOPICS: [&str; 12] = [
    "assignments",
    "failures",
    "router",
    "connection",
    "jobs",
    "reps",
    "layer",
    "members",
    "api_keys",
    "exports",
    "deletion",
    "intents",
];

/// A page is told at most this often; what happens in between comes together.
const GATHER: Duration = Duration::from_millis(250);

/// Streams that one session may hold open. A page needs one, and a browser's pages share it; whoever
/// opens more closes their own oldest.
const MOST_STREAMS: usize = 8;

/// Where pages hear of changes, and of the daemon's end.
#[derive(Clone)]
pub struct Live {
    changes: broadcast::Sender<Change>,
    stop: watch::Receiver<bool>,
    open: Arc<OpenStreams>,
}

/// The open streams of each session, oldest first. A stream whose sender is dropped ends.
#[derive(Default)]
struct OpenStreams(Mutex<HashMap<SessionId, Numbered>>);

type Numbered = VecDeque<(u64, oneshot::Sender<()>)>;

impl OpenStreams {
    /// Notes a new stream; the receiver ends when it is closed for a newer one.
    fn add(&self, session: SessionId) -> (u64, oneshot::Receiver<()>) {
        let (holder, closed) = oneshot::channel();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = open.entry(session).or_default();
        let number = streams
            .back()
            .map_or(0, |(number, _)| number.saturating_add(1));
        streams.push_back((number, holder));
        if streams.len() > MOST_STREAMS {
            streams.pop_front();
        }
        (number, closed)
    }

    fn remove(&self, session: SessionId, number: u64) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(streams) = open.get_mut(&session) else {
            return;
        };
        streams.retain(|(other, _)| *other != number);
        if streams.is_empty() {
            open.remove(&session);
        }
    }
}

impl Live {
    /// `changes` is fed by the one task that listens to the database; `stop` turns true when the
    /// daemon ends, so that open streams do not hold it up.
    pub fn new(changes: broadcast::Sender<Change>, stop: watch::Receiver<bool>) -> Self {
        Self {
            changes,
            stop,
            open: Arc::default(),
        }
    }

    pub(crate) fn listen(&self, tenant: TenantId, session: SessionId) -> Listener {
        let (number, closed) = self.open.add(session);
        Listener {
            changes: self.changes.subscribe(),
            stop: self.stop.clone(),
            closed,
            place: Place {
                open: Arc::clone(&self.open),
                session,
                number,
            },
            tenant,
            heard: Topics::new(),
        }
    }
}

/// One page's ear.
pub(crate) struct Listener {
    changes: broadcast::Receiver<Change>,
    stop: watch::Receiver<bool>,
    closed: oneshot::Receiver<()>,
    /// Given back when the page goes.
    #[expect(dead_code, reason = "held for what its end does")]
    place: Place,
    tenant: TenantId,
    /// Heard and not yet told.
    heard: Topics,
}

/// A stream's place among those of its session.
struct Place {
    open: Arc<OpenStreams>,
    session: SessionId,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.remove(self.session, self.number);
    }
}

type Topics = BTreeSet<&'static str>;

impl Listener {
    /// The topics that changed next; `None` when the daemon ends, or this stream for a newer one. What was heard is kept when the
    /// call is given up before it answers.
    pub(crate) async fn next(&mut self) -> Option<Topics> {
        while self.heard.is_empty() {
            let change = tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return None,
                _ = &mut self.closed => return None,
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

    fn session() -> SessionId {
        SessionId::generate(&SystemClock)
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
        let mut page = live.listen(ours, session());
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
        let mut page = live.listen(ours, session());
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
        let mut page = live.listen(ours, session());
        changes.send(Some((String::from("jobs"), ours))).unwrap();
        assert!(page.next().now_or_never().is_none(), "still gathering");
        assert_eq!(topics(page.next().await), ["jobs"]);
    }

    #[tokio::test]
    async fn the_daemons_end_ends_the_stream() {
        let (live, _changes, stopper) = channel();
        let mut page = live.listen(TenantId::generate(&SystemClock), session());
        stopper.send(true).unwrap();
        assert!(page.next().await.is_none());
    }

    #[tokio::test]
    async fn a_session_that_opens_ever_more_streams_closes_its_own_oldest() {
        let (live, _changes, _stopper) = channel();
        let tenant = TenantId::generate(&SystemClock);
        let (greedy, other) = (session(), session());
        let mut bystander = live.listen(tenant, other);
        let mut pages: Vec<Listener> = (0..MOST_STREAMS + 1)
            .map(|_| live.listen(tenant, greedy))
            .collect();
        assert_eq!(pages[0].next().now_or_never(), Some(None));
        for page in &mut pages[1..] {
            assert!(page.next().now_or_never().is_none(), "closed too early");
        }
        assert!(
            bystander.next().now_or_never().is_none(),
            "another session's"
        );
        // A page that went makes room.
        drop(pages.pop());
        let mut newest = live.listen(tenant, greedy);
        assert!(pages[1].next().now_or_never().is_none());
        assert!(newest.next().now_or_never().is_none());
        drop((pages, newest, bystander));
        assert!(
            live.open.0.lock().unwrap().is_empty(),
            "remembered for ever"
        );
    }
}
