//! Must hold 3: the daemon killed at each named point of its work loses nothing, assigns nothing twice,
//! and every write is in the log. Judged from Salesforce's side.

use stack::{
    console::Console,
    daemon::{Daemon, DaemonOptions},
    scenario,
    world::World,
};

use crate::live::{
    all_routed, claims_run_out, configured, connection, counted, daemon, no_token_was_reused,
    until, world,
};

/// Points that leads which come in reach by themselves.
const ROUTING_POINTS: [&str; 8] = [
    "job_claimed",
    "after_pull_page_before_store",
    "after_propose",
    "after_claim",
    "before_patch",
    "after_patch_before_record",
    "after_record",
    "job_done_before_store",
];
/// More than two pages.
const LEADS: u32 = 33;

/// How often each point is visited: once in the ordinary run, five times in the long one.
fn rounds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let asked = std::env::var("REVKEEP_CRASH_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

/// An organisation whose daemon can be killed, with the leads counted that must have got owners.
struct Organisation {
    world: World,
    seed: u64,
    baseline: usize,
    arrived: usize,
}

impl Organisation {
    async fn arrive(&mut self) {
        self.seed += 1;
        scenario::arrive(&self.world, 1_000 + self.seed, LEADS)
            .await
            .unwrap();
        self.arrived += usize::try_from(LEADS).unwrap();
    }

    /// A daemon that will die at `point`, and does not wait until it is ready.
    async fn doomed(&self, point: &str) -> Daemon {
        let options = DaemonOptions {
            failpoints: Some(format!("{point}=1*panic")),
            do_not_wait: true,
            ..DaemonOptions::default()
        };
        self.world.daemon(options).await.unwrap()
    }

    async fn die_at(&self, point: &str) {
        self.dies(self.doomed(point).await, point).await;
    }

    /// Waits for the death, then for the end of what the dead one had claimed.
    async fn dies(&self, mut daemon: Daemon, point: &str) {
        let status = daemon
            .wait_ended()
            .await
            .unwrap_or_else(|error| panic!("{point} was not reached: {error:#}"));
        assert!(!status.success(), "{point}: the daemon ended well");
        let log = daemon.log();
        assert!(
            log.contains(point),
            "{point}: it died of something else:\n{log}"
        );
        claims_run_out(&self.world);
    }

    /// An ordinary daemon brings everything to its end.
    async fn recover(&self, point: &str) {
        let (daemon, console) = daemon(&self.world).await;
        self.settled(point, &daemon, &console).await;
        assert!(daemon.stop().await.unwrap().success());
    }

    async fn settled(&self, point: &str, daemon: &Daemon, console: &Console) {
        let account = all_routed(&self.world, console, daemon).await;
        let counts = (counted(&account, "baseline"), counted(&account, "assigned"));
        assert_eq!(
            counts,
            (self.baseline, self.arrived),
            "{point}: {account:#?}"
        );
        no_token_was_reused(&self.world).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_point_of_its_work_nothing_is_lost_and_nothing_doubled() {
    let mut org = begin_with_a_baseline_cut_short().await;
    for _ in 0..rounds() {
        for point in ROUTING_POINTS {
            org.arrive().await;
            org.die_at(point).await;
            org.recover(point).await;
        }
        cut_short_while_reading_owners_back(&mut org).await;
        killed_when_the_new_tokens_are_stored(&mut org).await;
        for point in ["before_refresh_call", "after_refresh_answer"] {
            killed_while_a_refresh_is_on_its_way(&mut org, point).await;
        }
    }
    for _ in 1..rounds() {
        baseline_again(&mut org).await;
    }
}

/// The first baseline dies after its first page, once.
async fn begin_with_a_baseline_cut_short() -> Organisation {
    let world = world().await;
    let (first, _) = configured(&world).await;
    assert!(first.stop().await.unwrap().success());
    let org = Organisation {
        baseline: scenario::enrolled(&world).await.unwrap().len(),
        world,
        seed: 0,
        arrived: 0,
    };
    let mut doomed = org.doomed("baseline_mid").await;
    doomed.wait_ready().await.unwrap();
    let console = Console::sign_in(&doomed).await.unwrap();
    let activated = scenario::activate(&console).await;
    assert!(activated.is_err(), "the daemon outlived its baseline");
    org.dies(doomed, "baseline_mid").await;
    org.recover("baseline_mid").await;
    org
}

/// A paused router takes what came meanwhile as its baseline when it goes on.
async fn baseline_again(org: &mut Organisation) {
    let mut doomed = org.doomed("baseline_mid").await;
    doomed.wait_ready().await.unwrap();
    let console = Console::sign_in(&doomed).await.unwrap();
    let nothing = serde_json::json!({});
    console
        .post("/routers/Lead/pause", nothing.clone())
        .await
        .unwrap();
    let arrived = org.arrived;
    org.arrive().await;
    org.baseline += org.arrived - arrived;
    org.arrived = arrived;
    // The daemon may die before it answers.
    let _ = console.post("/routers/Lead/resume", nothing).await;
    org.dies(doomed, "baseline_mid").await;
    org.recover("baseline_mid").await;
}

async fn cut_short_while_reading_owners_back(org: &mut Organisation) {
    org.arrive().await;
    org.die_at("after_patch_before_record").await;
    org.die_at("reconcile_mid").await;
    org.recover("reconcile_mid").await;
}

async fn killed_when_the_new_tokens_are_stored(org: &mut Organisation) {
    org.arrive().await;
    org.world.salesforce.expire_sessions().await.unwrap();
    org.die_at("after_refresh_store").await;
    org.recover("after_refresh_store").await;
}

/// The one exception: whether the refresh token is used up is unknown, so that it is never presented
/// again, and a person connects anew.
async fn killed_while_a_refresh_is_on_its_way(org: &mut Organisation, point: &str) {
    org.arrive().await;
    org.world.salesforce.expire_sessions().await.unwrap();
    org.die_at(point).await;
    let calls = token_calls(&org.world).await;
    let (daemon, console) = daemon(&org.world).await;
    until(
        "the connection does not ask to be made anew",
        async || match connection(&console).await {
            (state, Some(code)) if state == "broken" && code == "refresh_in_doubt" => Ok(()),
            other => Err(format!("{other:?}")),
        },
    )
    .await;
    assert_eq!(
        token_calls(&org.world).await,
        calls,
        "{point}: the token was presented again"
    );
    scenario::authorize(&org.world, &console).await.unwrap();
    org.settled(point, &daemon, &console).await;
    assert!(daemon.stop().await.unwrap().success());
}

/// Requests that reached Salesforce's token endpoint.
async fn token_calls(world: &World) -> usize {
    let requests = world.salesforce.requests(0).await.unwrap();
    requests
        .iter()
        .filter(|request| request.path.ends_with("/oauth2/token"))
        .count()
}
