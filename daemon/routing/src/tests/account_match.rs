//! Account match: the labelled pairs, single names and domains, the choice among several accounts,
//! and the index of a million.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::account_match::{
    Account, Choice, CompanyName, Confidence, Found, Host, Index, Lead, Refused, TieBreak, choose,
    compare, keys_of_account, keys_of_lead,
};

const PAIRS: &str = include_str!("../../tests/data/account_pairs.csv");
const SCORE: &str = include_str!("../../tests/data/account_pairs.score.txt");

struct Pair {
    id: String,
    same: bool,
    lead: Lead,
    account: Account,
}

fn pairs() -> Vec<Pair> {
    let mut reader = csv::Reader::from_reader(PAIRS.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        Pair {
            id: row[0].to_owned(),
            same: &row[1] == "same",
            lead: Lead::read(&row[3], &row[4], &row[5], &row[6]),
            account: Account::read(&row[7], &row[8], &row[9]),
        }
    });
    rows.collect()
}

fn is_held_out(id: &str) -> bool {
    let digest = Sha256::digest(id.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 100 < 30
}

/// The scores of one part, with the ids of the false matches and, where rules may be tuned by them, of
/// the missed ones.
fn score(part: &[&Pair], tells_missed: bool) -> (f64, f64, String) {
    let ids = |same: bool, matched: bool| {
        let of = |pair: &&&Pair| {
            pair.same == same && compare(&pair.lead, &pair.account).is_ok() == matched
        };
        let ids: Vec<&str> = part
            .iter()
            .filter(of)
            .map(|pair| pair.id.as_str())
            .collect();
        ids
    };
    let (right, wrong, missed) = (ids(true, true), ids(false, true), ids(true, false));
    let count = |ids: &[&str]| f64::from(u32::try_from(ids.len()).unwrap());
    let precision = count(&right) / (count(&right) + count(&wrong));
    let recall = count(&right) / (count(&right) + count(&missed));
    let mut text = format!(
        "{} pairs, {} right, {} wrong, {} missed: precision {precision:.4}, recall {recall:.4}\n",
        part.len(),
        right.len(),
        wrong.len(),
        missed.len()
    );
    text.push_str(&format!("false matches: {}\n", wrong.join(" ")));
    if tells_missed {
        text.push_str(&format!("missed: {}\n", missed.join(" ")));
    }
    (precision, recall, text)
}

/// The scores are written down, so that a change of them is seen.
#[test]
fn a_thousand_labelled_pairs_are_judged_as_a_person_would() {
    let pairs = pairs();
    assert_eq!(pairs.len(), 1000);
    let mut report = String::new();
    for (held_out, title) in [(false, "developed on"), (true, "held out")] {
        let of_part = |pair: &&Pair| is_held_out(&pair.id) == held_out;
        let part: Vec<&Pair> = pairs.iter().filter(of_part).collect();
        let (precision, recall, text) = score(&part, !held_out);
        assert!(precision >= 0.99 && recall >= 0.90, "{title}: {text}");
        report.push_str(&format!("{title}: {text}"));
    }
    assert_eq!(
        report, SCORE,
        "write it to tests/data/account_pairs.score.txt"
    );
}

/// What is a match, and what shares a key: no candidate is missed.
#[test]
fn every_match_shares_a_key() {
    let pairs = pairs();
    for lead in pairs.iter().step_by(4) {
        let keys = keys_of_lead(&lead.lead);
        for account in pairs.iter().step_by(3) {
            let shares = keys_of_account(&account.account)
                .iter()
                .any(|key| keys.contains(key));
            if !shares {
                let found = compare(&lead.lead, &account.account);
                assert!(found.is_err(), "{} with {}", lead.id, account.id);
            }
        }
    }
}

fn joined(name: &str) -> String {
    CompanyName::read(name).joined().to_owned()
}

#[test]
fn a_name_is_the_same_in_its_many_writings() {
    for (a, b) in [
        ("Müller & Söhne GmbH & Co. KG", "MUELLER UND SOEHNE"),
        ("S. à r. l. Moselle", "moselle"),
        ("I.B.M. Corp.", "ibm"),
        ("(Brightwater) Labs", "Brightwater Laboratories, Inc."),
        ("Acme (formerly Bolt)", "ACME Ltd"),
        ("株式会社さくら食品", "さくら食品"),
        ("Ｆｕｊｉ", "fuji k.k."),
        ("Северный ветер", "OOO Severnyy Veter"),
        ("İpek Halı", "IPEK HALI"),
    ] {
        assert_eq!(joined(a), joined(b), "{a} and {b}");
    }
    for (a, b) in [
        ("ガス工業", "カス工業"),
        ("Studio 54", "Studio 45"),
        ("Nord", "Nordic"),
    ] {
        assert_ne!(joined(a), joined(b), "{a} and {b}");
    }
    for none in ["", "  ", "n/a", "-", "k.A.", "[not provided]", "?"] {
        assert!(CompanyName::read(none).is_empty(), "{none}");
    }
    // A form alone is a name: nothing else would be left.
    assert_eq!(joined("SIA"), "sia");
}

#[test]
fn a_domain_is_what_its_owner_registered() {
    let own = |domain: &str| Some(Host::Own(domain.to_owned()));
    for (address, host) in [
        ("ada@mail.acme.co.uk", own("acme.co.uk")),
        ("ada@ACME.DE.", own("acme.de")),
        ("ada@müller.de", own("xn--mller-kva.de")),
        ("ada@gmail.com", Some(Host::Personal)),
        ("ada@yahoo.co.jp", Some(Host::Personal)),
        ("ada@acme.github.io", Some(Host::Shared)),
        ("ada@localhost", None),
        ("ada@10.0.0.1", None),
        ("ada@co.uk", None),
        ("ada@", None),
    ] {
        assert_eq!(Host::of_email(address), host, "{address}");
    }
    for (website, host) in [
        ("HTTPS://www.Acme.com:8443/about?x=1", own("acme.com")),
        ("acme.com", own("acme.com")),
        ("linkedin.com/company/acme", Some(Host::Shared)),
        ("https://www.linkedin.com/", own("linkedin.com")),
        ("acme.wordpress.com", Some(Host::Shared)),
        ("sites.google.com/view/acme", Some(Host::Shared)),
        ("http://[::1]/", None),
        ("see our page", None),
    ] {
        assert_eq!(Host::of_website(website), host, "{website}");
    }
}

fn account(name: &str, website: &str, country: &str) -> Account {
    Account::read(name, website, country)
}

fn refused(lead: &Lead, account: &Account) -> Refused {
    compare(lead, account).unwrap_err()
}

#[test]
fn a_refusal_says_why() {
    let lead = |company: &str, email: &str| Lead::read(company, email, "", "DE");
    let acme = account("Acme Maschinenbau GmbH", "acme.de", "DE");
    for (company, email, why) in [
        ("Acme Leasing", "a@acme.de", Refused::OtherNameAtDomain),
        ("Bolt", "a@bolt.de", Refused::OtherName),
        (
            "Acme Maschinenbau",
            "a@nagel-schrauben.de",
            Refused::OtherDomain,
        ),
        ("", "a@gmx.de", Refused::NothingToGoBy),
    ] {
        assert_eq!(refused(&lead(company, email), &acme), why, "{company}");
    }
    let abroad = Lead::read("Acme Maschinenbau", "", "", "AT");
    assert_eq!(refused(&abroad, &acme), Refused::OtherCountry);
    let corporation = Lead::read("Acme Maschinenbau Corp.", "a@acme.de", "", "US");
    assert_eq!(refused(&corporation, &acme), Refused::CountryCompany);
    let guest = account("Bolt", "acme.de", "DE");
    assert_eq!(
        refused(&lead("", "a@acme.de"), &guest),
        Refused::DomainNotOwn
    );
    let common = account("Global Solutions", "", "DE");
    assert_eq!(
        refused(&lead("Global Solutions", ""), &common),
        Refused::CommonName
    );
}

#[test]
fn the_choice_says_which_tie_break_decided() {
    let lead = Lead::read("Acme Optics", "a@acme-optics.de", "", "DE");
    let best = |candidates: &[Account]| match choose(&lead, candidates) {
        Choice::Matched { at, tie_break, .. } => (at, tie_break),
        other => panic!("{other:?}"),
    };
    let german = account("Acme Optics", "acme-optics.de", "DE");
    let austrian = account("Acme Optics", "acme-optics.de", "AT");
    let shorter = account("Acme", "acme-optics.de", "DE");
    let longer = account("Acme Optics Jena", "acme-optics.de", "DE");
    let turned = account("Optics Acme", "acme-optics.de", "DE");
    assert_eq!(best(&[shorter, german.clone()]), (1, None));
    let confidence = Some(TieBreak::Confidence);
    assert_eq!(best(&[longer.clone(), german.clone()]), (1, confidence));
    assert_eq!(
        best(&[austrian, german.clone()]),
        (1, Some(TieBreak::Country))
    );
    assert_eq!(best(&[longer, turned]), (1, Some(TieBreak::Writing)));
    assert_eq!(best(&[german.clone(), german]), (0, Some(TieBreak::Oldest)));
}

#[test]
fn nothing_is_guessed_from_a_name_or_a_domain_alone() {
    let nameless = Lead::read("", "a@acme-optics.de", "", "DE");
    let parent = account("Acme Optics", "acme-optics.de", "DE");
    let child = account("Bolt Lighting", "acme-optics.de", "DE");
    let found = choose(&nameless, std::slice::from_ref(&parent));
    assert!(matches!(found, Choice::Matched { at: 0, .. }), "{found:?}");
    // A domain that two accounts write from is no evidence without a name.
    let two = choose(&nameless, &[parent, child]);
    assert!(matches!(two, Choice::Ambiguous { .. }), "{two:?}");
    let by_name = Lead::read("Kirkenes Subsea", "a@gmail.com", "", "NO");
    let same = account("Kirkenes Subsea AS", "", "NO");
    let two = choose(&by_name, &[same.clone(), same]);
    assert!(matches!(two, Choice::Ambiguous { .. }), "{two:?}");
}

#[test]
fn a_match_is_told_in_words() {
    let lead = Lead::read("Acme Optics", "a@acme-optics.de", "", "DE");
    let found: Found = compare(&lead, &account("Acme Optics", "acme-optics.de", "DE")).unwrap();
    assert_eq!(found.confidence, Confidence::Certain);
    assert_eq!(
        found.to_string(),
        "the same name, the same domain, the same country"
    );
}

/// The keys of a million accounts; finding and judging the candidates of one lead takes less than
/// two milliseconds, even here where nothing is optimised.
#[test]
fn candidates_among_a_million_accounts_are_found_in_two_milliseconds() {
    let text = |n: u32| (format!("d:firm{n}.com"), format!("n:firm{}", n % 400_000));
    let keys: Vec<(String, u32)> = (0..1_000_000)
        .flat_map(|n| {
            let (domain, name) = text(n);
            [(domain, n), (name, n)]
        })
        .collect();
    let index = Index::new(keys.iter().map(|(key, number)| (key.as_str(), *number)));
    let mut times: Vec<Duration> = (0..200)
        .map(|n| {
            let number = n * 4_999;
            let begin = Instant::now();
            let email = format!("ada@firm{number}.com");
            let lead = Lead::read(&format!("Firm{} Ltd", number % 400_000), &email, "", "GB");
            let candidates = index.candidates(&lead);
            let accounts: Vec<Account> = candidates
                .iter()
                .map(|n| {
                    account(
                        &format!("Firm{}", n % 400_000),
                        &format!("firm{n}.com"),
                        "GB",
                    )
                })
                .collect();
            let choice = choose(&lead, &accounts);
            let took = begin.elapsed();
            let Choice::Matched { at, .. } = choice else {
                panic!("{choice:?}")
            };
            assert_eq!(candidates[at], number);
            took
        })
        .collect();
    times.sort_unstable();
    assert!(
        times[100] < Duration::from_millis(2),
        "median {:?}",
        times[100]
    );
}

#[test]
fn a_key_of_a_crowd_gives_no_candidates() {
    let entries = |count: u32| Index::new((0..count).map(|n| ("d:crowd.example.com", n)));
    let lead = Lead {
        hosts: crate::account_match::Hosts::of_account("example.com"),
        ..Lead::default()
    };
    assert!(entries(3).candidates(&lead).is_empty());
    let of_lead = |count: u32| {
        Index::new((0..count).map(|n| ("d:example.com", n)))
            .candidates(&lead)
            .len()
    };
    assert_eq!(of_lead(64), 64);
    assert_eq!(of_lead(65), 0);
}

/// Text in which names, forms, scripts and signs meet.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "GmbH",
        "& Co. KG",
        "S.A.",
        "(",
        ")",
        "formerly ",
        "Müller",
        "Straße",
        "さくら",
        "株式会社",
        "한빛",
        "Ветер",
        "Ω",
        "é",
        "e\u{301}",
        "İ",
        "ﬁ",
        "a.b.",
        "'",
        "-",
        "Inc",
        "Ltd",
        " ",
        "7",
        "الن",
    ]);
    prop_oneof![
        any::<String>(),
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.join(" ")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_text_is_read_and_is_like_itself(name in text(), host in text(), country in text()) {
        let lead = Lead::read(&name, &host, &host, &country);
        let account = Account::read(&name, &host, &country);
        let found = compare(&lead, &account);
        if !lead.company.is_empty() && !account.hosts.own().is_empty() {
            prop_assert!(found.is_ok(), "{:?}", found);
        }
    }

    /// Letters' size, signs at the ends and legal forms do not make another firm.
    #[test]
    fn a_name_keeps_its_key(words in proptest::collection::vec("[b-df-hj-np-tv-z]{3}[a-z]{2,6}", 1..4), form in
        prop::sample::select(vec!["GmbH", "S.p.A.", "Sp. z o.o.", "Ltd", "Co., Ltd.", "LLC", "A/S"])) {
        let name = words.join(" ");
        let formal = joined(&format!("{name} {form}"));
        prop_assert_eq!(&formal, &joined(&name));
        prop_assert_eq!(&formal, &joined(&format!("  {}, {form} ", name.to_uppercase())));
    }

    /// Mailboxes and pages at a provider say as much as none at all.
    #[test]
    fn a_personal_or_shared_domain_is_no_evidence(name in text(), other in text(), host in
        prop::sample::select(vec!["gmail.com", "t-online.de", "acme.wixsite.com", "nhs.net", "acme.github.io"])) {
        let with = compare(&Lead::read(&name, host, host, ""), &Account::read(&other, host, ""));
        let without = compare(&Lead::read(&name, "", "", ""), &Account::read(&other, "", ""));
        prop_assert_eq!(with, without);
    }
}
