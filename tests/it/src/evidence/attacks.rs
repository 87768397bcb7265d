//! Each way to change the log or its evidence, and what verification or comparison says of it.

use super::*;

/// Heads over 100, 300, 600 and 700 positions: two whole tiles and a part of the third.
const BATCHES: [usize; 4] = [100, 200, 300, 100];
const STORED: &str = "record_send(ROW(a.tenant_id, a.at, a.audit_id, a.actor_kind, a.actor_id, a.action, a.outcome, a.resource_type, \
     a.resource_id, a.request_id, a.code, a.detail_sealed, a.origin_sealed, a.xid))";

/// A log of which nothing is found before the attack.
async fn attacked(sql: &str) -> Log {
    let log = Log::of(&BATCHES).await;
    assert_eq!(log.faults().await, [], "before anything was done");
    log.tamper(sql);
    log
}

#[tokio::test]
async fn an_untouched_log_is_as_it_was_sealed() {
    let log = Log::of(&BATCHES).await;
    let report = log.verify().await;
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!((report.leaves, report.heads, report.pending), (700, 4, 0));
    assert_eq!(report.last.unwrap().size, 700);
    let nodes = log.superuser("SELECT level || ' ' || ordinal FROM audit_nodes ORDER BY ordinal");
    assert_eq!(nodes, ["8 0", "8 1"]);
}

#[tokio::test]
async fn a_changed_row_is_named() {
    for column in [
        "action = 'other'",
        "actor_id = actor_id || ' '",
        "code = ''",
        "detail_sealed = NULL",
        "origin_sealed = detail_sealed",
        "request_id = audit_id",
        "xid = (xid::text::bigint + 1)::text::xid8",
    ] {
        let log = attacked(&format!(
            "UPDATE audit_log SET {column} WHERE audit_id = {}",
            row_at(299)
        ))
        .await;
        assert_eq!(
            log.faults().await,
            [(Fault::RowChanged, 299, 299)],
            "{column}"
        );
        let id = log.superuser("SELECT audit_id FROM audit_leaves WHERE position = 299");
        let named = log.verify().await.findings[0].audit_id.unwrap().uuid();
        assert_eq!([named.to_string()].as_slice(), id);
    }
}

#[tokio::test]
async fn a_deleted_row_is_named() {
    let log = attacked(&format!(
        "DELETE FROM audit_log WHERE audit_id = {}",
        row_at(42)
    ))
    .await;
    assert_eq!(log.faults().await, [(Fault::RowMissing, 42, 42)]);
}

#[tokio::test]
async fn a_row_that_moved_to_another_tenant_or_time_is_missing_and_put_in() {
    let log = attacked(&format!(
        "UPDATE audit_log SET at = at + interval '1 second' WHERE audit_id = {}",
        row_at(7)
    ))
    .await;
    let found = log.faults().await;
    assert_eq!(found[0], (Fault::RowMissing, 7, 7));
    assert_eq!(found[1].0, Fault::RowInserted);
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn a_truncated_partition_is_located() {
    let log = Log::of(&[]).await;
    log.write(50, "date_trunc('month', now()) - interval '1 day'");
    log.write(30, "now()");
    log.seal().await;
    log.write(20, "now()");
    log.seal().await;
    assert_eq!(log.faults().await, []);
    log.tamper(
        "DO $$ BEGIN EXECUTE format('TRUNCATE %I', 'audit_log_' || to_char(now() - interval '1 month', 'YYYY_MM')); END $$",
    );
    assert_eq!(log.faults().await, [(Fault::RowMissing, 0, 49)]);
    // Dropped, as retention would, and no head says so.
    log.tamper(
        "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'audit_log_' || to_char(now() - interval '1 month', 'YYYY_MM')); END $$",
    );
    assert_eq!(log.faults().await, [(Fault::RowMissing, 0, 49)]);
}

#[tokio::test]
async fn a_row_put_in_among_sealed_ones_is_found() {
    let log = attacked("").await;
    let put = |xid: &str| {
        log.tamper(&format!(
            "INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id, xid) \
             VALUES ('{}', now(), gen_random_uuid(), 'human', 'x', 'x', 'done', 'x', 'x', '{xid}')",
            log.who.tenant.uuid()
        ));
    };
    put("5");
    assert_eq!(log.faults().await, [(Fault::RowInserted, 5, 5)]);
    // In a transaction that has not been: it would wait for its seal for ever.
    put("4000000000000");
    assert_eq!(
        log.faults().await,
        [
            (Fault::RowInserted, 5, 5),
            (Fault::RowInserted, 4_000_000_000_000, 4_000_000_000_000)
        ]
    );
}

#[tokio::test]
async fn a_row_that_is_dated_back_is_found() {
    let log = attacked("").await;
    log.write(1, "now() - interval '3 hours'");
    log.seal().await;
    assert_eq!(log.faults().await, [(Fault::RowBackdated, 700, 700)]);
}

#[tokio::test]
async fn swapped_positions_are_located() {
    let swap = "CREATE TABLE loot AS SELECT * FROM audit_leaves WHERE position IN (10, 20); \
        DELETE FROM audit_leaves WHERE position IN (10, 20); \
        INSERT INTO audit_leaves (position, tenant_id, at, audit_id, hash) SELECT 30 - position, tenant_id, at, audit_id, hash FROM loot; DROP TABLE loot";
    let log = attacked(swap).await;
    let found = log.faults().await;
    assert!(found.contains(&(Fault::RowReordered, 11, 11)), "{found:?}");
    assert!(found.contains(&(Fault::RowReordered, 20, 20)), "{found:?}");
    // The first head is within the tile; the second is over it whole.
    assert!(found.contains(&(Fault::RootDiffers, 0, 99)), "{found:?}");
    assert!(found.contains(&(Fault::LeafChanged, 0, 255)), "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");
}

#[tokio::test]
async fn a_row_changed_together_with_its_leaf_is_located_in_its_tile() {
    let log = attacked(&rewrite(400)).await;
    assert_eq!(log.faults().await, [(Fault::LeafChanged, 256, 511)]);
}

/// Changes a row and makes its leaf say so.
fn rewrite(position: usize) -> String {
    format!(
        "UPDATE audit_log SET actor_id = 'somebody else' WHERE audit_id = {}; \
         UPDATE audit_leaves l SET hash = sha256('\\x00'::bytea || {STORED}) FROM audit_log a WHERE a.audit_id = l.audit_id AND l.position = {position}",
        row_at(position)
    )
}

#[tokio::test]
async fn a_whole_tree_that_was_made_anew_differs_from_what_was_signed() {
    let log = attacked(&rewrite(400)).await;
    let leaves = log.superuser("SELECT encode(hash, 'hex') FROM audit_leaves WHERE position >= 256 AND position < 512 ORDER BY position");
    let node = root(leaves.iter().map(|hash| bytes(hash)).collect());
    let hex = audit::hex(&node);
    log.tamper(&format!(
        "UPDATE audit_nodes SET hash = '\\x{hex}' WHERE ordinal = 1"
    ));
    // Between the head over 300 positions and the one over 600.
    assert_eq!(log.faults().await, [(Fault::RootDiffers, 300, 599)]);
}

fn root(mut level: Vec<Vec<u8>>) -> Vec<u8> {
    assert_eq!(level.len(), TILE);
    while level.len() > 1 {
        let pairs = level.chunks(2);
        level = pairs
            .map(|pair| Sha256::digest([&[1], pair[0].as_slice(), &pair[1]].concat()).to_vec())
            .collect();
    }
    level.remove(0)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[tokio::test]
async fn leaves_that_are_gone_are_located_and_the_rest_is_still_proven() {
    let log = attacked("DELETE FROM audit_leaves WHERE position BETWEEN 270 AND 280").await;
    let found = log.faults().await;
    assert_eq!(found[0], (Fault::LeafMissing, 270, 280));
    // Their rows are there, and have no leaf now.
    assert!(
        found[1..].iter().all(|found| found.0 == Fault::RowInserted),
        "{found:?}"
    );
    // A change far behind the hole is found all the same.
    log.tamper(&format!(
        "UPDATE audit_log SET action = 'x' WHERE audit_id = {}",
        row_at(650)
    ));
    assert!(log.faults().await.contains(&(Fault::RowChanged, 650, 650)));
    log.tamper("DELETE FROM audit_leaves WHERE position >= 690");
    assert!(log.faults().await.contains(&(Fault::LeafMissing, 690, 699)));
}

#[tokio::test]
async fn a_changed_subtree_is_told_from_changed_leaves() {
    let log = attacked("UPDATE audit_nodes SET hash = sha256('x') WHERE ordinal = 1").await;
    assert_eq!(log.faults().await, [(Fault::NodeChanged, 1, 1)]);
    log.tamper("DELETE FROM audit_nodes WHERE ordinal = 1");
    assert_eq!(log.faults().await, [(Fault::NodeChanged, 1, 1)]);
}

#[tokio::test]
async fn a_changed_head_breaks_its_signature_and_the_chain() {
    let log = attacked("UPDATE audit_heads SET statement = replace(statement, 'complete yes', 'complete no') WHERE number = 2").await;
    assert_eq!(
        log.faults().await,
        [(Fault::SignatureBad, 2, 2), (Fault::ChainBroken, 3, 3)]
    );
    let log = attacked("UPDATE audit_heads SET size = size - 1 WHERE number = 2").await;
    assert_eq!(log.faults().await, [(Fault::HeadChanged, 2, 2)]);
    let log = attacked("UPDATE audit_heads SET signature = sha512('x') WHERE number = 4").await;
    assert_eq!(log.faults().await, [(Fault::SignatureBad, 4, 4)]);
}

#[tokio::test]
async fn swapped_and_missing_heads_are_found() {
    let log = attacked("UPDATE audit_heads h SET statement = o.statement, signature = o.signature FROM audit_heads o WHERE h.number + o.number = 5 AND h.number IN (2, 3)").await;
    assert_eq!(log.faults().await, [(Fault::HeadChanged, 2, 3)]);
    let log = attacked("DELETE FROM audit_heads WHERE number = 2").await;
    assert_eq!(log.faults().await, [(Fault::HeadMissing, 2, 2)]);
    let log = attacked("DELETE FROM audit_heads WHERE number > 2").await;
    let found = log.faults().await;
    assert!(
        found.contains(&(Fault::LeafBeyondHead, 300, 699)),
        "{found:?}"
    );
}

/// A head that fits in every way, signed by a key of the attacker's.
#[tokio::test]
async fn a_head_signed_by_a_foreign_key_is_found() {
    let log = attacked("").await;
    let key = openssl::pkey::PKey::generate_ed25519().unwrap();
    let rows = log.auditor().heads_after(3, 1).unwrap();
    let mut statement = audit::Head::stored(&rows[0]).unwrap().statement;
    statement.key = key.raw_public_key().unwrap().try_into().unwrap();
    let text = statement.to_text();
    let mut signer = openssl::sign::Signer::new_without_digest(&key).unwrap();
    let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
    log.tamper(&format!(
        "UPDATE audit_heads SET statement = E'{}', signature = '\\x{}' WHERE number = 4",
        text.replace('\n', "\\n"),
        audit::hex(&signature)
    ));
    assert_eq!(log.faults().await, [(Fault::KeyUnknown, 4, 4)]);
    // Nothing is trusted by saying so.
    let all = audit::verify(&mut log.auditor(), &[], |_, _, _| {}).unwrap();
    assert!(all.last.is_none() && !all.holds());
}

/// The last head was forged to say that everything may be gone, and the next one, with a signature of ours,
/// says the same: as a sealer would make it that does not look at what it goes on from.
#[tokio::test]
async fn a_pruned_time_that_came_in_with_a_forged_head_is_not_believed() {
    let log = Log::of(&[10, 10]).await;
    let rows = log.auditor().heads_after(1, 1).unwrap();
    let mut statement = audit::Head::stored(&rows[0]).unwrap().statement;
    statement.pruned = Some("2999-01-01T00:00:00Z".parse().unwrap());
    let forged = audit::Head::new(&statement.to_text(), &rows[0].signature).unwrap();
    statement.number = 3;
    statement.previous = forged.hash();
    let text = statement.to_text();
    let key = log.sealer.keys().await.unwrap().pop().unwrap();
    let signature = log
        .bed
        .vault
        .sign(audit::SIGNING_KEY, key.version, text.as_bytes())
        .await
        .unwrap();
    log.tamper(&format!(
        "UPDATE audit_heads SET statement = E'{}' WHERE number = 2; \
         INSERT INTO audit_heads (number, size, at, statement, signature, frontier) \
         SELECT 3, size, at, E'{}', '\\x{}', frontier FROM audit_heads WHERE number = 2; \
         DELETE FROM audit_log WHERE audit_id = {}",
        forged.text().replace('\n', "\\n"),
        text.replace('\n', "\\n"),
        audit::hex(&signature),
        row_at(15)
    ));
    assert_eq!(
        log.faults().await,
        [(Fault::SignatureBad, 2, 2), (Fault::RowMissing, 15, 15)]
    );
}

/// Everything after head 2 taken back, as an old backup has it.
const ROLL_BACK: &str = "DELETE FROM audit_log WHERE audit_id IN (SELECT audit_id FROM audit_leaves WHERE position >= 300); \
    DELETE FROM audit_leaves WHERE position >= 300; DELETE FROM audit_nodes WHERE ordinal >= 1; \
    DELETE FROM audit_heads WHERE number > 2";

#[tokio::test]
async fn a_database_put_back_to_an_earlier_state_is_found_by_the_archive_alone() {
    let log = attacked("").await;
    let archive = log.archive();
    assert_eq!(log.compare(&archive).await, []);
    log.tamper(ROLL_BACK);
    assert_eq!(log.faults().await, [], "it is consistent in itself");
    assert_eq!(log.compare(&archive).await, [(Fault::RolledBack, 3, 4)]);
    // And after it went on from there.
    log.write(40, "now()");
    log.seal().await;
    assert_eq!(log.faults().await, []);
    assert_eq!(
        log.compare(&archive).await,
        [(Fault::HeadDiffers, 3, 3), (Fault::RolledBack, 4, 4)]
    );
}

#[tokio::test]
async fn a_log_begun_anew_is_found_by_the_archive() {
    let log = attacked("").await;
    let archive = log.archive();
    log.tamper(
        "DELETE FROM audit_heads; DELETE FROM audit_nodes; DELETE FROM audit_leaves; \
        UPDATE audit_log SET actor_id = 'somebody else' WHERE actor_id = 'user_1'",
    );
    log.seal().await;
    assert_eq!(log.faults().await, [], "it is consistent in itself");
    let found = log.compare(&archive).await;
    assert_eq!(found[0], (Fault::HeadDiffers, 1, 1));
    assert!(
        found.iter().any(|found| found.0 == Fault::RolledBack),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_archive_is_read_among_other_lines_and_a_forged_line_is_no_evidence() {
    let log = attacked("").await;
    let archive = log.archive();
    let nested = archive
        .lines()
        .map(|line| format!("{{\"host\": \"h\", \"head\": {line}}}\nnot json\n{{\"other\": 1}}"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(log.compare(&nested).await, []);
    let keys = log.keys().await;
    let compared = audit::compare(&mut log.auditor(), &keys, nested.as_bytes(), |_| {}).unwrap();
    assert_eq!((compared.heads, compared.other_lines), (4, 8));
    // A line in another encoding is one of the others.
    let mut mixed = b"caf\xe9 in the morning\n".to_vec();
    mixed.extend_from_slice(nested.as_bytes());
    let compared = audit::compare(&mut log.auditor(), &keys, mixed.as_slice(), |_| {}).unwrap();
    assert_eq!((compared.heads, compared.other_lines), (4, 9));
    let forged = archive.replace("size 300", "size 301");
    assert_eq!(log.compare(&forged).await, [(Fault::ArchiveLine, 2, 2)]);
}
