//! Nobody gets what is not theirs, and nothing goes where it may not.

use delivery::{DeliveryError, Transport};
use kernel::{Classified, Secret};
use stack::syslog::{Input, Rsyslog};

use super::{Archive, Stand, input, shown, streams, until_failing};
use crate::{harness::connect, live::until};
use diesel::connection::SimpleConnection;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_target_never_gets_another_tenants_entry_nor_a_head() {
    let stand = Stand::lay();
    let mut receiver = Rsyslog::start(Input::Tcp, &["localhost"]).await.unwrap();
    let siem = stand.siem(&[receiver.port]);
    let target = input(
        Transport::SyslogTcp,
        &format!("localhost:{}", receiver.port),
    );
    siem.target_create(&stand.ours, target, true).await.unwrap();
    let _streams = streams(&siem);
    stand.write(2_000).await;
    let wanted = stand.ids(&stand.ours);
    let mut archive = Archive::default();
    until("its own have not come", async || {
        for line in receiver.received().unwrap() {
            archive.line(&line);
        }
        archive.has(&wanted)
    })
    .await;
    // A place that is somebody else's: what is read stays its own.
    stand
        .bed
        .owner("UPDATE siem_cursors SET next_position = 0, again_position = 0");
    stand.write(200).await;
    let wanted = stand.ids(&stand.ours);
    until("what came later has not come", async || {
        for line in receiver.received().unwrap() {
            archive.line(&line);
        }
        archive.has(&wanted)
    })
    .await;
    assert_eq!(archive.tenants(), [stand.ours.tenant.to_string()]);
    assert_eq!(archive.heads(), [""; 0]);
    archive.assert_in_order();
    assert!(siem.target_list(&stand.theirs).await.unwrap().is_empty());
    assert!(siem.target_list(&stand.platform).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_target_of_another_tenant_is_not_there() {
    let stand = Stand::lay();
    let siem = stand.siem(&[6_514]);
    let made = siem
        .target_create(
            &stand.ours,
            input(Transport::SyslogTls, "localhost:6514"),
            false,
        )
        .await
        .unwrap();
    for other in [&stand.theirs, &stand.platform] {
        let changed = siem
            .target_update(
                other,
                made.id,
                1,
                input(Transport::SyslogTls, "localhost:6514"),
            )
            .await;
        assert!(matches!(changed, Err(DeliveryError::NoTarget)));
        let deleted = siem.target_delete(other, made.id).await;
        assert!(matches!(deleted, Err(DeliveryError::NoTarget)));
        let tested = siem.target_test(other, made.id).await;
        assert!(matches!(tested, Err(DeliveryError::NoTarget)));
    }
    shown(&siem, &stand.ours).await;
}

#[tokio::test]
async fn an_address_that_is_not_declared_is_refused_when_it_is_set_and_when_it_is_used() {
    let stand = Stand::lay();
    let siem = stand.siem(&[6_514]);
    for (transport, address) in [
        (Transport::SyslogTls, "siem.example.com:6514"),
        (Transport::SyslogTcp, "localhost:6515"),
        (Transport::SyslogUdp, "169.254.169.254:514"),
        (Transport::Relp, "10.0.0.1:2514"),
        (
            Transport::Https,
            "https://localhost:6515/services/collector",
        ),
        (
            Transport::Https,
            "https://splunk.example.com/services/collector",
        ),
    ] {
        let mut target = input(transport, address);
        target.token = Some(Secret::new("t".to_owned()));
        let refused = siem
            .target_create(&stand.ours, target, false)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), "egress_refused", "{address}");
    }
    let target = input(Transport::SyslogTls, "localhost:6514");
    let made = siem.target_create(&stand.ours, target, true).await.unwrap();
    // Written past the form.
    stand
        .bed
        .owner("UPDATE siem_targets SET address = '127.0.0.1:6514'");
    let tested = siem.target_test(&stand.ours, made.id).await.unwrap();
    assert_eq!(tested.fault.unwrap().0, "egress_refused");
    assert_eq!(
        stand
            .rows("SELECT outcome || ' ' || code FROM audit_log WHERE action = 'siem_target_test'"),
        ["failed egress_refused"]
    );
    let _streams = streams(&siem);
    assert_eq!(until_failing(&siem, &stand.ours).await, "egress_refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_with_a_wrong_certificate_gets_nothing() {
    let stand = Stand::lay();
    stand.write(200).await;
    let mut named_otherwise = Rsyslog::start(Input::Tls, &["siem.example"]).await.unwrap();
    let mut of_others = Rsyslog::start(Input::Tls, &["localhost"]).await.unwrap();
    let siem = stand.siem(&[named_otherwise.port, of_others.port]);
    let mut target = input(
        Transport::SyslogTls,
        &format!("localhost:{}", named_otherwise.port),
    );
    target.authorities = Some(named_otherwise.authority.clone());
    siem.target_create(&stand.ours, target, true).await.unwrap();
    // By an authority that is not the one that was given.
    let mut target = input(
        Transport::SyslogTls,
        &format!("localhost:{}", of_others.port),
    );
    target.authorities = Some(named_otherwise.authority.clone());
    siem.target_create(&stand.theirs, target, true)
        .await
        .unwrap();
    let _streams = streams(&siem);
    for who in [&stand.ours, &stand.theirs] {
        assert_eq!(until_failing(&siem, who).await, "egress_not_trusted");
        assert_eq!(shown(&siem, who).await.standing.sent, 0);
    }
    assert!(named_otherwise.received().unwrap().is_empty());
    assert!(of_others.received().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_asks_who_we_are_is_shown_the_certificate_and_nobody_else_the_key() {
    let stand = Stand::lay();
    stand.write(200).await;
    let mut receiver = Rsyslog::start(Input::TlsWithCertificates, &["localhost"])
        .await
        .unwrap();
    let siem = stand.siem(&[receiver.port]);
    let target = || {
        let mut target = input(
            Transport::SyslogTls,
            &format!("localhost:{}", receiver.port),
        );
        target.authorities = Some(receiver.authority.clone());
        target
    };
    let (certificate, key) = receiver.client.clone();
    let mut with = target();
    with.client_certificate = Some(certificate.clone());
    let refused = siem
        .target_create(&stand.ours, with, true)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "client_key_missing");
    let mut with = target();
    with.client_certificate = Some(certificate);
    with.client_key = Some(Secret::new(key.clone()));
    siem.target_create(&stand.ours, with, true).await.unwrap();
    let _streams = streams(&siem);
    let wanted = stand.ids(&stand.ours);
    let mut archive = Archive::default();
    until("they have not come", async || {
        for line in receiver.received().unwrap() {
            archive.line(&line);
        }
        archive.has(&wanted)
    })
    .await;
    let ends_at = shown(&siem, &stand.ours).await.standing.certificate_ends_at;
    assert!(ends_at.is_some());
    // The key lies under the tenant's key alone.
    let line = key.lines().nth(1).unwrap();
    assert_eq!(
        stand.rows(&format!("SELECT count(*) FROM siem_targets WHERE position('{line}'::bytea in client_key_sealed) > 0")),
        ["0"]
    );
}

#[tokio::test]
async fn whoever_has_a_tenants_context_writes_no_file_of_the_machine_and_no_21st_target() {
    let stand = Stand::lay();
    let siem = stand.siem(&[6_514]);
    for transport in [Transport::File, Transport::Journal] {
        let refused = siem
            .target_create(&stand.ours, input(transport, "audit"), false)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), "transport_of_the_appliance");
    }
    // Past the form, by the database's own word.
    let mut owner = connect(&stand.bed.database, "revkeep_owner");
    let row = |tenant: uuid::Uuid, transport: &str| {
        format!(
            "INSERT INTO siem_targets (tenant_id, target_id, name, transport, format, address, actions, outcomes, enabled, version, created_at, updated_at) \
             VALUES ('{tenant}', gen_random_uuid(), 'n', '{transport}', 'json', 'audit', '{{}}', '{{}}', false, 1, now(), now())"
        )
    };
    assert!(
        owner
            .batch_execute(&row(stand.ours.tenant.uuid(), "file"))
            .is_err()
    );
    for _ in 0..20 {
        owner
            .batch_execute(&row(stand.theirs.tenant.uuid(), "relp"))
            .unwrap();
    }
    let refused = siem
        .target_create(
            &stand.ours,
            input(Transport::SyslogTls, "localhost:6514"),
            false,
        )
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "siem_targets_limit");
}
