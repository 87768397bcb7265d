use openssl::{
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509NameBuilder,
        extension::{BasicConstraints, SubjectAlternativeName},
    },
};

use super::{super::Verdict, *};

struct Issued {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate of `name`, signed by `issuer` or by itself, that ends in `days`.
fn issue(name: &str, issuer: Option<&Issued>, authority: bool, days: u32) -> Issued {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial
        .rand(100, openssl::bn::MsbOption::MAYBE_ZERO, false)
        .unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&subject).unwrap();
    let above = issuer.map_or(subject.as_ref(), |issuer| issuer.certificate.subject_name());
    builder.set_issuer_name(above).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(days).unwrap())
        .unwrap();
    let mut constraints = BasicConstraints::new();
    if authority {
        constraints.critical().ca();
    }
    builder
        .append_extension(constraints.build().unwrap())
        .unwrap();
    let names = SubjectAlternativeName::new()
        .dns(name)
        .ip("192.0.2.1")
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    builder.append_extension(names).unwrap();
    builder
        .sign(
            issuer.map_or(&key, |issuer| &issuer.key),
            MessageDigest::sha256(),
        )
        .unwrap();
    Issued {
        certificate: builder.build(),
        key,
    }
}

#[test]
fn a_chain_holds_whole_and_in_order_and_up_to_a_known_root() {
    let root = issue("root.example", None, true, 900);
    let middle = issue("middle.example", Some(&root), true, 900);
    let leaf = issue("revkeep.example", Some(&middle), false, 90);
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("ca.pem");
    fs::write(&known, root.certificate.to_pem().unwrap()).unwrap();
    let told = |others: &[&Issued], own: Option<&Path>| {
        let others: Vec<X509> = others.iter().map(|one| one.certificate.clone()).collect();
        authorities(&leaf.certificate, &others, own, false)
    };
    assert_eq!(told(&[&middle], Some(&known)).verdict, Verdict::Pass);
    assert_eq!(told(&[&middle, &root], Some(&known)).verdict, Verdict::Pass);
    let without = told(&[], Some(&known));
    assert_eq!(without.verdict, Verdict::Warn, "{without:?}");
    assert!(without.next_step.unwrap().contains("intermediate"));
    assert_eq!(told(&[&middle], None).verdict, Verdict::Warn);
    let mixed = told(&[&root, &middle], Some(&known));
    assert_eq!(mixed.verdict, Verdict::Fail, "{mixed:?}");
    assert!(mixed.detail.contains("place 2"), "{mixed:?}");
    let alone = authorities(&root.certificate, &[], Some(&known), false);
    assert!(alone.detail.contains("signs itself"), "{alone:?}");
}

#[test]
fn the_name_that_people_type_is_in_it() {
    let leaf = issue("*.corp.example", None, false, 90).certificate;
    for (url, verdict) in [
        ("https://revkeep.corp.example", Verdict::Pass),
        ("https://REVKEEP.corp.example:8443/x", Verdict::Pass),
        ("https://192.0.2.1", Verdict::Pass),
        ("https://192.0.2.2", Verdict::Fail),
        ("https://corp.example", Verdict::Fail),
        ("https://a.b.corp.example", Verdict::Fail),
        ("https://[2001:db8::1]:443", Verdict::Fail),
    ] {
        assert_eq!(name(&leaf, host(url), false).verdict, verdict, "{url}");
    }
    assert_eq!(name(&leaf, "corp.example", true).verdict, Verdict::Warn);
}

#[test]
fn the_first_of_the_chain_to_end_counts() {
    let root = issue("root.example", None, true, 10);
    let leaf = issue("revkeep.example", Some(&root), false, 90);
    let chain = [leaf.certificate, root.certificate];
    let now = kernel::Clock::now(&kernel::SystemClock);
    let told = |ahead| {
        let now = now + chrono::TimeDelta::days(ahead);
        days(&chain, Path::new("c.pem"), now).verdict
    };
    assert_eq!((told(0), told(30)), (Verdict::Warn, Verdict::Fail));
    let leaf_alone = days(&chain[..1], Path::new("c.pem"), now);
    assert_eq!(leaf_alone.verdict, Verdict::Pass);
}
