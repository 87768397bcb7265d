//! A large organisation's archive goes through in pieces, whatever its size. `REVKEEP_EXPORT_ROWS` asks for
//! another number of rows and then measures the memory of this process as well; run it alone.

use super::Office;

/// Bytes of a piece on its way, at most.
const PIECE: usize = 4 << 20;
/// What the process may grow by in the long form: of a million rows.
const GROWTH: u64 = 128 << 20;

#[tokio::test]
async fn a_large_export_is_made_and_sent_in_small_pieces() {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let asked = std::env::var("REVKEEP_EXPORT_ROWS").ok();
    let long: Option<u64> = asked.and_then(|rows| rows.parse().ok());
    let rows = long.unwrap_or(6_000);
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    office.bed().owner(&format!(
        "INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at) \
         SELECT '{}', 'Lead', 'r' || i, jsonb_build_object('Name', repeat(md5(i::text), 8)), now(), now() \
         FROM generate_series(1, {rows}) i",
        ada.tenant.uuid()
    ));
    let before = peak();
    let id = office.made(&ada).await;
    let mut download = office.custody.export_download(&ada, id).await.unwrap();
    let (mut pieces, mut largest) = (0_u64, 0);
    while let Some(piece) = download.pieces.recv().await {
        let piece = piece.unwrap();
        largest = largest.max(piece.len());
        pieces += 1;
    }
    assert!(pieces > rows / 600, "only {pieces} pieces");
    assert!(largest < PIECE, "a piece of {largest} bytes");
    let grown = peak().saturating_sub(before);
    if long.is_some() {
        assert!(grown < GROWTH, "the process grew by {grown} bytes");
    }
}

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.unwrap().parse::<u64>().unwrap() * 1024
}
