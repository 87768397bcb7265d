//! What was made is taken once, by whoever asked for it, whole or not at all.

use kernel::{ExportId, Principal, Role};

use super::{Office, denied, files_below, unpacked};

#[tokio::test]
async fn an_archive_is_downloaded_once_by_whoever_asked_and_by_nobody_else() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    let mel = office
        .company
        .join(&ada, "mel@acme.example", &[Role::Admin])
        .await;
    let other = office.company.other("Other", "olga@other.example").await;
    let custody = &office.custody;
    assert_eq!(denied(custody.export_create(&mel.who).await), "not_owner");
    let visitor = Principal {
        roles: kernel::Roles::new([Role::SuperAdmin], false),
        ..ada.clone()
    };
    assert_eq!(denied(custody.export_create(&visitor).await), "not_owner");
    let id = office.made(&ada).await;
    assert_eq!(
        denied(custody.export_download(&mel.who, id).await),
        "not_found"
    );
    assert_eq!(
        denied(custody.export_download(&other.who, id).await),
        "not_found"
    );
    assert_eq!(
        denied(custody.export_cancel(&other.who, id).await),
        "not_found"
    );
    assert_eq!(
        denied(custody.export_cancel(&mel.who, id).await),
        "not_owner"
    );
    unpacked(custody.export_download(&ada, id).await.unwrap()).await;
    let gone = crate::live::until("the archive stays", async || {
        let state = office.export(&ada, id).await.state;
        let files = files_below(office.directory.path());
        if state == "downloaded" && files.is_empty() {
            Ok(state)
        } else {
            Err(format!("{state} {files:?}"))
        }
    });
    gone.await;
    assert_eq!(
        denied(custody.export_download(&ada, id).await),
        "export_not_ready"
    );
    let trail = office.company.house.rows(
        "SELECT action || ' ' || outcome FROM audit_log WHERE action LIKE 'export%' ORDER BY action",
    );
    assert_eq!(
        trail,
        [
            "export_create done",
            "export_download done",
            "export_finish done"
        ]
    );
}

async fn given_back(office: &Office, who: &Principal, id: ExportId) {
    crate::live::until("the archive is not given back", async || {
        match office.export(who, id).await.state.as_str() {
            "ready" => Ok(()),
            state => Err(state.to_owned()),
        }
    })
    .await;
}

/// All of a small archive waits for its reader at once; what nobody took is not thrown away.
#[tokio::test]
async fn an_archive_whose_last_pieces_nobody_took_is_given_back() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    let first = office.made(&ada).await;
    let mut download = office.custody.export_download(&ada, first).await.unwrap();
    let mut pieces = 0;
    while download.pieces.recv().await.is_some() {
        pieces += 1;
    }
    let id = office.made(&ada).await;
    let mut download = office.custody.export_download(&ada, id).await.unwrap();
    for _ in 0..pieces {
        assert!(download.pieces.recv().await.unwrap().is_ok());
    }
    drop(download);
    given_back(&office, &ada, id).await;
    let again = unpacked(office.custody.export_download(&ada, id).await.unwrap()).await;
    assert!(again.files.contains_key("audit_log.jsonl"));
}

#[tokio::test]
async fn a_download_that_breaks_off_can_be_begun_again() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    // More pieces than wait for a reader.
    office.bed().owner(&format!(
        "INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at) \
         SELECT '{}', 'Lead', 'r' || i, '{{}}', now(), now() FROM generate_series(1, 4000) i",
        ada.tenant.uuid()
    ));
    let id = office.made(&ada).await;
    let mut download = office.custody.export_download(&ada, id).await.unwrap();
    assert!(download.pieces.recv().await.unwrap().is_ok());
    let second = denied(office.custody.export_download(&ada, id).await);
    assert_eq!(second, "export_not_ready", "two at once");
    drop(download);
    given_back(&office, &ada, id).await;
    let again = unpacked(office.custody.export_download(&ada, id).await.unwrap()).await;
    assert_eq!(again.files["layer_records.jsonl"].lines().count(), 4_000);
}

#[tokio::test]
async fn what_waits_on_disk_says_nothing_and_what_was_changed_there_is_not_sent() {
    let office = Office::open().await;
    let ada = office.company.ada.clone();
    office.fill(&ada, "Zyxonfile");
    let id = office.made(&ada).await;
    let files = files_below(office.directory.path());
    let mut seen = 0;
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        assert!(!bytes.windows(9).any(|part| part == b"Zyxonfile"), "{file}");
        // Not merely compressed either.
        assert_ne!(bytes.get(4..6), Some([0x1f, 0x8b].as_slice()), "{file}");
        seen += bytes.len();
    }
    assert!(seen > 1_000, "{files:?}");
    let reps = files
        .iter()
        .find(|file| file.ends_with("reps.part"))
        .unwrap();
    let mut bytes = std::fs::read(reps).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(reps, bytes).unwrap();
    let mut download = office.custody.export_download(&ada, id).await.unwrap();
    let mut broken = false;
    while let Some(piece) = download.pieces.recv().await {
        broken |= piece.is_err();
    }
    assert!(broken, "a changed file was sent as if it were whole");
}
