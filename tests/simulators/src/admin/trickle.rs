//! New leads, one at a time, for a demonstration to route.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use super::generate::Maker;
use crate::{wire::Trickle, world::Sim};

/// Replaces the trickle that runs, if one does.
pub(super) fn start(sim: &Arc<Sim>, trickle: Trickle) {
    let number = stop(sim);
    let sim = Arc::downgrade(sim);
    actix_web::rt::spawn(run(sim, trickle, number));
}

/// Ends the trickle that runs, and answers the number of one that may run now.
pub(super) fn stop(sim: &Sim) -> u64 {
    sim.trickle.fetch_add(1, Ordering::SeqCst).saturating_add(1)
}

async fn run(sim: Weak<Sim>, trickle: Trickle, number: u64) {
    let mut maker = Maker::new(trickle.seed, trickle.hostile_every);
    let mut made = 0_u64;
    while trickle.count.is_none_or(|count| made < count) {
        actix_web::rt::time::sleep(Duration::from_millis(trickle.every_ms.max(1))).await;
        let Some(sim) = sim.upgrade() else { return };
        if sim.trickle.load(Ordering::SeqCst) != number {
            return;
        }
        let now = sim.clock.now();
        let world = &mut *sim.world();
        // Generated records fit their fields by construction.
        if world.store.load(now, "Lead", maker.lead()).is_ok() {
            world.trickled = world.trickled.saturating_add(1);
        }
        made = made.saturating_add(1);
    }
}
