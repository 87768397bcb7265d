//! The daemon killed in the middle of an export: it goes on, and the archive is whole.

use serde_json::json;
use stack::{
    console::Console,
    daemon::{Daemon, DaemonOptions},
    world::World,
};

use super::bytes_of::{Archive, untarred};
use crate::live::{claims_run_out, configured, until, world};

/// Within a table's file, and between the page on disk and the row that says so.
const POINTS: [&str; 2] = ["export_page_before_store", "export_page"];

async fn doomed(world: &World, point: &str) -> Daemon {
    let options = DaemonOptions {
        // Not at the first page, so that there is something to go on from.
        failpoints: Some(format!("{point}=12*off->1*panic")),
        ..DaemonOptions::default()
    };
    world.daemon(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_an_export_it_goes_on_and_is_whole() {
    let world = world().await;
    let (first, _) = configured(&world).await;
    assert!(first.stop().await.unwrap().success());
    for point in POINTS {
        let mut daemon = doomed(&world, point).await;
        let console = Console::sign_in(&daemon).await.unwrap();
        // The daemon may die before it answers.
        let _ = console.post("/exports", json!({})).await;
        let status = daemon.wait_ended().await.unwrap();
        assert!(!status.success() && daemon.log().contains(point), "{point}");
        claims_run_out(&world);
        let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
        let console = Console::sign_in(&daemon).await.unwrap();
        let archive = downloaded(&console).await;
        for file in &archive.manifest.files {
            assert_eq!(
                file.bytes,
                archive.files[&file.name].len() as u64,
                "{point}"
            );
            assert_eq!(
                file.rows,
                archive.files[&file.name].lines().count() as u64,
                "{point}: {}",
                file.name
            );
        }
        assert!(archive.files["people.jsonl"].contains("Ada Lovelace"));
        assert!(daemon.stop().await.unwrap().success());
    }
}

async fn downloaded(console: &Console) -> Archive {
    let id = until("the export is not made", async || {
        let list = console.get("/exports").await.unwrap();
        let newest = &list["items"][0];
        match newest["state"].as_str() {
            Some("ready") => Ok(newest["id"].as_str().unwrap().to_owned()),
            _ => Err(list.to_string()),
        }
    })
    .await;
    let path = format!("/exports/{id}/download");
    let bytes = console.download(&path).await.unwrap();
    untarred(bytes)
}
