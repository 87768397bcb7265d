//! What an administrator sets: filters, a pause, where a log begins, files, and the test of a target.

use delivery::{DeliveryError, Format, Transport};
use diesel::connection::SimpleConnection as _;
use kernel::{Classified, Secret};
use serde_json::Value;
use stack::{
    collector::{Collector, TOKEN},
    syslog::{Input, Rsyslog},
};

use super::{Stand, input, shown, streams};
use crate::{harness::connect, live::until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_the_appliance_gets_the_whole_log_with_its_heads_once() {
    let stand = Stand::lay();
    stand.write(2_400).await;
    let siem = stand.siem(&[]);
    let mut target = input(Transport::File, "audit.jsonl");
    target.format = Format::Json;
    siem.target_create(&stand.platform, target, true)
        .await
        .unwrap();
    let _streams = streams(&siem);
    until("it is not whole", async || {
        let standing = shown(&siem, &stand.platform).await.standing;
        if standing.waiting == 0 {
            Ok(())
        } else {
            Err(format!("{standing:?}"))
        }
    })
    .await;
    let heads = stand.rows("SELECT number FROM audit_heads ORDER BY number");
    let leaves = stand.rows("SELECT position FROM audit_leaves ORDER BY position");
    let lines: Vec<Value> = stand
        .file("audit.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let number = |line: &Value, path: &str| line.pointer(path).map(ToString::to_string);
    let got: Vec<String> = lines
        .iter()
        .filter_map(|line| number(line, "/position"))
        .collect();
    assert_eq!(got, leaves);
    let got: Vec<String> = lines
        .iter()
        .filter_map(|line| number(line, "/head/number"))
        .collect();
    assert_eq!(got, heads);
    // A head stands behind every entry that it is over.
    let mut entries = 0_u64;
    for line in &lines {
        match line.pointer("/head/size").and_then(Value::as_u64) {
            Some(size) => assert_eq!(size, entries),
            None => entries += 1,
        }
    }
}

/// Whoever deletes a target locks its row first and its cursor's then; a stream that held the cursor's row and
/// then asked for the target's would wait for the other for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_moves_on_while_its_target_is_being_deleted() {
    let stand = Stand::lay();
    stand.write(400).await;
    let siem = stand.siem(&[]);
    let target = input(Transport::File, "audit.jsonl");
    siem.target_create(&stand.platform, target, true)
        .await
        .unwrap();
    let mut deleting = connect(&stand.bed.database, "revkeep_owner");
    deleting
        .batch_execute("BEGIN; SELECT FROM siem_targets FOR UPDATE")
        .unwrap();
    let _streams = streams(&siem);
    until("the stream stands still", async || {
        let standing = shown(&siem, &stand.platform).await.standing;
        if standing.sent >= 400 && standing.waiting == 0 {
            Ok(())
        } else {
            Err(format!("{standing:?}"))
        }
    })
    .await;
    deleting.batch_execute("ROLLBACK").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_a_pause_and_a_beginning_are_kept_to() {
    let stand = Stand::lay();
    stand.write(200).await;
    let siem = stand.siem(&[6_514]);
    let mut target = input(Transport::File, "refusals.log");
    target.actions = vec!["siem_".to_owned()];
    let made = siem
        .target_create(&stand.platform, target, false)
        .await
        .unwrap();
    let _streams = streams(&siem);
    stand.write(200).await;
    until("what made it has not come", async || {
        let file = stand.file("refusals.log");
        let found = file
            .lines()
            .filter(|line| line.contains("action=\"siem_target_create\""))
            .count();
        if found == 1 { Ok(()) } else { Err(file) }
    })
    .await;
    // Nothing from before, nothing that is filtered, but heads.
    let file = stand.file("refusals.log");
    assert!(!file.contains("action=\"rule_update\""));
    assert!(file.contains(" head-2 "), "{file}");
    assert!(!file.contains(" head-1 "), "{file}");

    let mut paused = input(Transport::File, "refusals.log");
    paused.enabled = false;
    let changed = siem
        .target_update(&stand.platform, made.id, 1, paused)
        .await
        .unwrap();
    assert!(!changed.enabled);
    let stale = siem
        .target_update(
            &stand.platform,
            made.id,
            1,
            input(Transport::File, "refusals.log"),
        )
        .await;
    assert!(matches!(stale, Err(DeliveryError::Stale)));
    let other = siem
        .target_update(&stand.platform, made.id, 2, input(Transport::Journal, ""))
        .await
        .unwrap_err();
    assert_eq!(other.code(), "transport_fixed");
    siem.target_delete(&stand.platform, made.id).await.unwrap();
    assert_eq!(
        stand.rows("SELECT action FROM audit_log WHERE action LIKE 'siem%' ORDER BY xid"),
        [
            "siem_target_create",
            "siem_target_update",
            "siem_target_delete"
        ]
    );
    assert_eq!(stand.rows("SELECT count(*) FROM siem_cursors"), ["0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_sends_one_event_and_says_what_came_of_it() {
    let stand = Stand::lay();
    let mut receiver = Rsyslog::start(Input::Relp, &["localhost"]).await.unwrap();
    let mut datagrams = Rsyslog::start(Input::Udp, &["localhost"]).await.unwrap();
    let mut collector = Collector::start().unwrap();
    let config = egress::EgressConfig {
        private_endpoints: vec![
            format!("localhost:{}", receiver.port).parse().unwrap(),
            format!("127.0.0.1:{}", datagrams.port).parse().unwrap(),
            format!("localhost:{}", collector.port).parse().unwrap(),
        ],
        ..egress::EgressConfig::default()
    };
    let egress = egress::Egress::new(config).unwrap();
    let siem = delivery::Siem::new(
        &stand.bed.db,
        &stand.bed.vault,
        &egress,
        &delivery::SiemConfig::default(),
        "h",
    );
    let paused = |transport, address: String| {
        let mut target = input(transport, &address);
        target.enabled = false;
        target
    };
    let relp = paused(Transport::Relp, format!("localhost:{}", receiver.port));
    let relp = siem.target_create(&stand.ours, relp, false).await.unwrap();
    let udp = paused(
        Transport::SyslogUdp,
        format!("127.0.0.1:{}", datagrams.port),
    );
    let udp = siem.target_create(&stand.ours, udp, false).await.unwrap();
    let mut hec = paused(
        Transport::Https,
        format!(
            "https://localhost:{}/services/collector/event",
            collector.port
        ),
    );
    hec.authorities = Some(collector.authority.clone());
    hec.token = Some(Secret::new("wrong".to_owned()));
    let hec = siem.target_create(&stand.ours, hec, false).await.unwrap();

    let tested = siem.target_test(&stand.ours, relp.id).await.unwrap();
    assert!(tested.fault.is_none() && tested.acknowledged, "{tested:?}");
    let tested = siem.target_test(&stand.ours, udp.id).await.unwrap();
    assert!(tested.fault.is_none() && !tested.acknowledged, "{tested:?}");
    let tested = siem.target_test(&stand.ours, hec.id).await.unwrap();
    assert_eq!(tested.fault.unwrap().0, "siem_not_accepted");
    for server in [&mut receiver, &mut datagrams] {
        until("the test did not come", async || {
            let lines = server.received().unwrap();
            let [line] = &lines[..] else {
                return Err(format!("{lines:?}"));
            };
            assert!(line.contains("action=\"siem_target_test\""), "{line}");
            Ok(())
        })
        .await;
    }

    // A collector that moves asks for its token again.
    let mut moved = paused(
        Transport::Https,
        format!("https://localhost:{}/other", collector.port),
    );
    moved.authorities = Some(collector.authority.clone());
    let refused = siem
        .target_update(&stand.ours, hec.id, 1, moved)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "secret_again");
    let mut again = paused(
        Transport::Https,
        format!(
            "https://localhost:{}/services/collector/event",
            collector.port
        ),
    );
    again.authorities = Some(collector.authority.clone());
    again.token = Some(Secret::new(TOKEN.to_owned()));
    siem.target_update(&stand.ours, hec.id, 1, again)
        .await
        .unwrap();
    let tested = siem.target_test(&stand.ours, hec.id).await.unwrap();
    assert!(tested.acknowledged, "{tested:?}");
    assert_eq!(collector.received().len(), 1);
    assert!(
        tested.certificate_ends_at.is_some(),
        "the collector's certificate is not seen"
    );
}
