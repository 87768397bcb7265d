//! One lead and one account: do they belong together, how surely, and why.

use std::fmt;

use super::{
    domain::{Hosts, label},
    name::CompanyName,
    relation::{NameRelation, is_distinct, label_fits, relate},
};

/// A lead, as far as account match reads it.
#[derive(Clone, Debug, Default)]
pub struct Lead {
    pub company: CompanyName,
    pub hosts: Hosts,
    /// ISO 3166 alpha-2 or any other writing that accounts have as well; empty: not known.
    pub country: String,
}

/// An account, as far as account match reads it.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub name: CompanyName,
    pub hosts: Hosts,
    /// As of the lead.
    pub country: String,
}

impl Lead {
    /// Reads the CRM's texts; each may be empty. Of the address only what follows the `@` is used.
    pub fn read(company: &str, email: &str, website: &str, country: &str) -> Self {
        Self {
            company: CompanyName::read(company),
            hosts: Hosts::of_lead(email, website),
            country: country.trim().to_uppercase(),
        }
    }
}

impl Account {
    /// Reads the CRM's texts; each may be empty.
    pub fn read(name: &str, website: &str, country: &str) -> Self {
        Self {
            name: CompanyName::read(name),
            hosts: Hosts::of_account(website),
            country: country.trim().to_uppercase(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainRelation {
    /// The same registrable domain, a firm's own.
    Same,
    /// Other domains that are both made from the firm's name.
    Related,
    /// One has no domain that shows anything.
    Unknown,
    /// Both have domains of their own, which have nothing in common.
    Different,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CountryRelation {
    Same,
    Unknown,
    Different,
}

/// How sure a match is; the later, the surer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The name alone, or the domain alone.
    Fair,
    /// The name, and domains that are made from it; or the domain, and another writing of the name.
    High,
    /// The same name and the same domain.
    Certain,
}

impl Confidence {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fair => "fair",
            Self::High => "high",
            Self::Certain => "certain",
        }
    }
}

/// A match, with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    pub confidence: Confidence,
    pub name: NameRelation,
    pub domain: DomainRelation,
    pub country: CountryRelation,
}

impl Found {
    /// Whether it rests on the domain and on no name.
    pub const fn by_domain_alone(&self) -> bool {
        matches!(self.name, NameRelation::Missing | NameRelation::OtherScript)
    }

    /// Whether it rests on the name and on no domain.
    pub const fn by_name_alone(&self) -> bool {
        matches!(self.domain, DomainRelation::Unknown)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.name {
            NameRelation::Same => "the same name",
            NameRelation::Reordered => "the same words in the name",
            NameRelation::Typo => "a name that differs by a letter or two",
            NameRelation::Acronym => "an acronym of the name",
            NameRelation::Short => "a short form of the name",
            NameRelation::OtherScript => "a name in another script",
            NameRelation::Missing => "no name",
            NameRelation::Different => "another name",
        };
        let domain = match self.domain {
            DomainRelation::Same => "the same domain",
            DomainRelation::Related => "domains made from that name",
            DomainRelation::Unknown => "no domain that shows anything",
            DomainRelation::Different => "other domains",
        };
        let country = match self.country {
            CountryRelation::Same => "the same country",
            CountryRelation::Unknown => "a country that is not known",
            CountryRelation::Different => "another country",
        };
        write!(out, "{name}, {domain}, {country}")
    }
}

/// Why a pair is no match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// The domain is the same and the name is another: a subsidiary, a brand, a tenant or a guest.
    OtherNameAtDomain,
    /// The same name and domain, with legal forms of two countries: a country's own company.
    CountryCompany,
    /// Only the domain speaks for it, and it is not made from the account's name: it may be a parent's.
    DomainNotOwn,
    /// The names differ, and nothing else speaks for it.
    OtherName,
    /// The same name in another country.
    OtherCountry,
    /// The same name with a domain that has nothing to do with the account's.
    OtherDomain,
    /// Only the name speaks for it, and many firms are called so.
    CommonName,
    /// Neither a name nor a domain to go by.
    NothingToGoBy,
}

impl Refused {
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherNameAtDomain => "other_name_at_domain",
            Self::CountryCompany => "country_company",
            Self::DomainNotOwn => "domain_not_own",
            Self::OtherName => "other_name",
            Self::OtherCountry => "other_country",
            Self::OtherDomain => "other_domain",
            Self::CommonName => "common_name",
            Self::NothingToGoBy => "nothing_to_go_by",
        }
    }
}

/// Judges one pair.
///
/// # Errors
/// Why they do not belong together, as far as these texts show.
pub fn compare(lead: &Lead, account: &Account) -> Result<Found, Refused> {
    let shared = common_domain(lead, account);
    let name = relate(&lead.company, &account.name, shared.map(label));
    let country = countries(&lead.country, &account.country);
    let (confidence, domain) = match shared {
        Some(domain) => (
            at_domain(lead, account, name, country, domain)?,
            DomainRelation::Same,
        ),
        None => by_name(lead, account, name, country)?,
    };
    Ok(Found {
        confidence,
        name,
        domain,
        country,
    })
}

fn at_domain(
    lead: &Lead,
    account: &Account,
    name: NameRelation,
    country: CountryRelation,
    domain: &str,
) -> Result<Confidence, Refused> {
    let apart = country == CountryRelation::Different;
    match name {
        NameRelation::Different => Err(Refused::OtherNameAtDomain),
        NameRelation::Missing | NameRelation::OtherScript => {
            let own = label_fits(label(domain), &account.name)
                || (name == NameRelation::OtherScript && label_fits(label(domain), &lead.company));
            if own {
                Ok(Confidence::Fair)
            } else {
                Err(Refused::DomainNotOwn)
            }
        }
        _ if apart && lead.company.forms_disagree(&account.name) => Err(Refused::CountryCompany),
        NameRelation::Same => Ok(Confidence::Certain),
        NameRelation::Reordered
        | NameRelation::Typo
        | NameRelation::Acronym
        | NameRelation::Short => Ok(Confidence::High),
    }
}

/// Without a domain in common only the same name counts.
fn by_name(
    lead: &Lead,
    account: &Account,
    name: NameRelation,
    country: CountryRelation,
) -> Result<(Confidence, DomainRelation), Refused> {
    match name {
        NameRelation::Same => {}
        NameRelation::Missing => return Err(Refused::NothingToGoBy),
        _ => return Err(Refused::OtherName),
    }
    if country == CountryRelation::Different {
        return Err(Refused::OtherCountry);
    }
    if !is_distinct(&account.name) {
        return Err(Refused::CommonName);
    }
    let unknown = lead.hosts.own().is_empty() || account.hosts.own().is_empty();
    if unknown {
        return Ok((Confidence::Fair, DomainRelation::Unknown));
    }
    if country == CountryRelation::Same && related(lead, account) {
        return Ok((Confidence::High, DomainRelation::Related));
    }
    Err(Refused::OtherDomain)
}

/// Whether a domain of each is made from the name that they share, which has to be of two words or
/// more: many firms are called by one word, each with a domain made from it.
fn related(lead: &Lead, account: &Account) -> bool {
    let fits = |hosts: &Hosts| {
        let mut own = hosts.own().iter();
        own.any(|domain| label_fits(label(domain), &account.name))
    };
    let same_label = lead.hosts.own().iter().any(|ours| {
        let mut theirs = account.hosts.own().iter();
        theirs.any(|domain| label(domain) == label(ours))
    });
    let words = account.name.is_foreign() || account.name.strong().len() >= 2;
    (same_label || words) && fits(&lead.hosts) && fits(&account.hosts)
}

fn common_domain<'a>(lead: &'a Lead, account: &Account) -> Option<&'a str> {
    let mut own = lead.hosts.own().iter();
    own.find(|domain| account.hosts.own().contains(domain))
        .map(String::as_str)
}

fn countries(lead: &str, account: &str) -> CountryRelation {
    if lead.is_empty() || account.is_empty() {
        CountryRelation::Unknown
    } else if lead == account {
        CountryRelation::Same
    } else {
        CountryRelation::Different
    }
}
