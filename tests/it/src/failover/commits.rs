//! A commit that is cut: in doubt for whoever asked, and found out by looking before anything is done
//! again.

use stack::{
    commits::{CommitCable, Cut},
    console::Console,
    daemon::DaemonOptions,
    scenario,
};

use super::*;
use crate::live::{all_routed, configured, counted, no_token_was_reused, world};

const LEADS: u32 = 20;
/// Commits of units of work that are let through before the one that is cut: a whole cycle's.
const PASSING: [u32; 8] = [0, 1, 2, 3, 5, 7, 9, 12];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_in_doubt_and_a_refused_one_is_not() {
    let bed = Bed::new();
    let who = bed.tenant();
    let directory = tempfile::tempdir().unwrap();
    let config = bed.database.config();
    let cable = CommitCable::lay(
        directory.path(),
        std::path::Path::new(&config.host),
        config.port,
    )
    .unwrap();
    let through = DbConfig {
        host: cable.directory().display().to_string(),
        ..config
    };
    let db = open(&through, std::sync::Arc::new(kernel::SystemClock));
    let leases = || {
        column(
            &mut connect(&bed.database, "revkeep_owner"),
            "SELECT name FROM leases ORDER BY name",
        )
    };
    write(&db, &who, "whole").await.unwrap();

    cable.cut_after(0, Cut::Before);
    in_doubt(write(&db, &who, "unheard").await);
    assert_eq!(leases(), ["whole"]);

    cable.cut_after(0, Cut::After);
    in_doubt(write(&db, &who, "unanswered").await);
    assert_eq!(leases(), ["unanswered", "whole"]);

    // One that the server refuses is known not to have happened.
    let refused = db
        .run(&who, |tx| {
            jobs::lease_acquire(tx, "aborted", "test", chrono::TimeDelta::hours(1))?;
            let _ = tx.conn().batch_execute("SELECT 1 / 0");
            Ok::<_, jobs::JobsError>(())
        })
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal, "{refused:?}");
    write(&db, &who, "again").await.unwrap();
    assert_eq!(leases(), ["again", "unanswered", "whole"]);
}

/// It may be tried again, and nobody says that nothing was changed.
fn in_doubt(done: Result<(), jobs::JobsError>) {
    let error = done.unwrap_err();
    assert_eq!(error.code(), "commit_in_doubt", "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!error.message().contains("Nothing was changed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_at_each_commit_of_a_cycle_every_lead_is_routed_once() {
    let world = world().await;
    let (first, console) = configured(&world).await;
    scenario::activate(&console).await.unwrap();
    assert!(first.stop().await.unwrap().success());
    let cable = CommitCable::lay(
        world.directory(),
        &world.postgres.socket_directory(),
        world.postgres.port(),
    )
    .unwrap();
    let options = DaemonOptions {
        // A claim whose batch nobody knows of is looked after soon.
        instead: format!(
            "[database]\nhost = {:?}\n[salesforce]\nwrite_timeout_seconds = 1\n",
            cable.directory()
        ),
        ..DaemonOptions::default()
    };
    let daemon = world.daemon(options).await.unwrap();
    let console = Console::sign_in(&daemon).await.unwrap();
    let mut arrived = 0;
    for cut in [Cut::Before, Cut::After] {
        for passing in PASSING {
            arrived += usize::try_from(LEADS).unwrap();
            cable.cut_after(passing, cut);
            scenario::arrive(&world, 5_000 + u64::try_from(arrived).unwrap(), LEADS)
                .await
                .unwrap();
            until("nothing is committed", async || {
                if cable.is_cut() {
                    Ok(())
                } else {
                    Err(format!("{cut:?} after {passing}"))
                }
            })
            .await;
        }
        let account = all_routed(&world, &console, &daemon).await;
        assert_eq!(counted(&account, "assigned"), arrived, "{account:#?}");
        no_token_was_reused(&world).await;
    }
    assert!(daemon.stop().await.unwrap().success());
}
