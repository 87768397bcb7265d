//! Everything that the simulator knows, behind one lock, and what moves it.

use std::sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicU64};

use serde_json::json;

use crate::{
    authenticator::Authenticator,
    clock::MovedClock,
    config::Config,
    faults::Faults,
    journal::Journal,
    model::id::Id,
    oauth::{OAuth, token::Place},
    query::cursor::Cursors,
    store::Store,
    wire::{Login, Settings},
};

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) cursors: Cursors,
    pub(crate) oauth: OAuth,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) settings: Settings,
    pub(crate) api_used: u64,
    pub(crate) trickled: u64,
    /// The account of the page that shows codes, and its secret.
    pub(crate) authenticator: Option<(String, Authenticator)>,
}

pub(crate) struct Sim {
    pub(crate) config: Config,
    pub(crate) url: String,
    pub(crate) clock: MovedClock,
    /// Which trickle may run; an older one ends when it sees another number.
    pub(crate) trickle: AtomicU64,
    world: Mutex<World>,
}

impl Sim {
    pub(crate) fn new(config: Config, url: String) -> Self {
        let clock = MovedClock::default();
        let world = World::new(&config, clock.now());
        Self {
            config,
            url,
            clock,
            trickle: AtomicU64::new(0),
            world: Mutex::new(world),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            url: &self.url,
            organisation: &self.config.organisation,
        }
    }

    /// As at the start, the clock too. Tokens given out before are worth nothing.
    pub(crate) fn reset(&self) {
        self.trickle
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.clock.command(crate::wire::ClockCommand::Real);
        *self.world() = World::new(&self.config, self.clock.now());
    }
}

impl World {
    fn new(config: &Config, now: i64) -> Self {
        let mut store = Store::new(Id::make("005", 1));
        let logins: Vec<(Login, Id)> = config
            .logins
            .iter()
            .filter_map(|login| Some((login.clone(), load_login(&mut store, login, now)?)))
            .collect();
        // Tokens of different runs differ even under one seed, or a stale one would be taken.
        let seed = config.seed ^ now.unsigned_abs();
        let clients = config.clients.clone();
        Self {
            store,
            cursors: Cursors::default(),
            oauth: OAuth::new(clients, logins, seed, &config.organisation),
            faults: Faults::default(),
            journal: Journal::default(),
            settings: config.settings.clone(),
            api_used: 0,
            trickled: 0,
            authenticator: None,
        }
    }
}

/// The person who can sign in, as an active user.
fn load_login(store: &mut Store, login: &Login, now: i64) -> Option<Id> {
    let record = json!({
        "FirstName": login.first_name, "LastName": login.last_name, "Email": login.email,
        "Username": login.username, "Alias": "integ", "IsActive": true, "UserType": "Standard",
    });
    let fields = record.as_object()?.clone();
    store.load(now, "User", fields).ok()
}
