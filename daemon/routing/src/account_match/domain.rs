//! What an e-mail address or a website says about who owns the domain.
//!
//! The registrable domain comes from the public suffix list, which crate `psl` has built in. Two lists
//! beside this file name mailbox providers and hosts that many firms share; what stands under a
//! private suffix of the public list (`github.io`) is shared as well.

use std::{collections::HashSet, sync::LazyLock};

use psl::{List, Psl};

/// A host, by what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A domain of a firm's own: registrable, in small letters, as Punycode (`acme.co.uk`).
    Own(String),
    /// Of a mailbox provider.
    Personal,
    /// Of a site builder, a network or a shop for many.
    Shared,
}

/// The domains that a record shows, and whether others that show nothing were among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    own: Vec<String>,
    personal: bool,
    shared: bool,
}

static PERSONAL: LazyLock<HashSet<&str>> = LazyLock::new(|| lines(include_str!("personal.txt")));
static SHARED: LazyLock<HashSet<&str>> = LazyLock::new(|| lines(include_str!("shared.txt")));

/// Providers that give the same name in many countries: `yahoo.co.jp`, `hotmail.fr`.
const PROVIDERS: &[&str] = &[
    "aol",
    "gmail",
    "gmx",
    "googlemail",
    "hotmail",
    "live",
    "msn",
    "outlook",
    "protonmail",
    "rediffmail",
    "yahoo",
    "yandex",
    "ymail",
];

fn lines(text: &'static str) -> HashSet<&'static str> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

impl Host {
    /// What follows the `@` of an address; the whole text where there is none. `None`: no domain.
    pub fn of_email(address: &str) -> Option<Self> {
        let domain = address.rsplit('@').next()?;
        let (host, registrable) = read(domain)?;
        if is_personal(&registrable) {
            return Some(Self::Personal);
        }
        if SHARED.contains(registrable.as_str()) && host == registrable {
            return Some(Self::Own(registrable));
        }
        Some(owner(&host, registrable))
    }

    /// A website as people type it, with or without a scheme, a path or `www`. `None`: no domain.
    pub fn of_website(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
        let end = bare.find(['/', '?', '#']).unwrap_or(bare.len());
        let (authority, path) = bare.split_at_checked(end)?;
        let host = authority.rsplit('@').next()?;
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        let (host, registrable) = read(host)?;
        let bare_host = host == registrable && path.trim_matches('/').is_empty();
        if bare_host && SHARED.contains(registrable.as_str()) {
            return Some(Self::Own(registrable));
        }
        if is_personal(&registrable) {
            return Some(Self::Personal);
        }
        Some(owner(&host, registrable))
    }
}

impl Hosts {
    /// The domains of a lead: its address first, then its website.
    pub fn of_lead(email: &str, website: &str) -> Self {
        Self::gather([Host::of_email(email), Host::of_website(website)])
    }

    pub fn of_account(website: &str) -> Self {
        Self::gather([Host::of_website(website)])
    }

    fn gather(found: impl IntoIterator<Item = Option<Host>>) -> Self {
        let mut hosts = Self::default();
        for host in found.into_iter().flatten() {
            match host {
                Host::Own(domain) if !hosts.own.contains(&domain) => hosts.own.push(domain),
                Host::Own(_) => {}
                Host::Personal => hosts.personal = true,
                Host::Shared => hosts.shared = true,
            }
        }
        hosts
    }

    /// Registrable domains of the firm's own.
    pub fn own(&self) -> &[String] {
        &self.own
    }

    pub const fn has_personal(&self) -> bool {
        self.personal
    }

    pub const fn has_shared(&self) -> bool {
        self.shared
    }
}

/// What stands before the public suffix: `acme` of `acme.co.uk`. Empty where nothing does.
pub(super) fn label(domain: &str) -> &str {
    domain.split('.').next().unwrap_or_default()
}

/// The host and its registrable domain, both as Punycode in small letters.
fn read(text: &str) -> Option<(String, String)> {
    let text = text.trim().trim_end_matches('.');
    if text.is_empty() || text.len() > 253 {
        return None;
    }
    let url::Host::Domain(host) = url::Host::parse(text).ok()? else {
        return None;
    };
    let host = host.strip_prefix("www.").map(str::to_owned).unwrap_or(host);
    let domain = List.domain(host.as_bytes())?;
    let suffix = List.suffix(host.as_bytes())?;
    if !suffix.is_known() {
        return None;
    }
    let registrable = std::str::from_utf8(domain.as_bytes()).ok()?.to_owned();
    Some((host, registrable))
}

fn is_personal(registrable: &str) -> bool {
    PERSONAL.contains(registrable) || PROVIDERS.contains(&label(registrable))
}

fn owner(host: &str, registrable: String) -> Host {
    let parents = host
        .match_indices('.')
        .filter_map(|(at, _)| host.get(at.saturating_add(1)..));
    let listed = std::iter::once(host)
        .chain(parents)
        .any(|name| SHARED.contains(name));
    let private = List
        .suffix(host.as_bytes())
        .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Private));
    if listed || private {
        Host::Shared
    } else {
        Host::Own(registrable)
    }
}
