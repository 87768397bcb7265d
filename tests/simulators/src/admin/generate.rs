//! A deterministic organisation: people, queues, accounts, contacts and leads from one seed.

use serde_json::{Value as Json, json};

use super::names;
use crate::{
    model::{
        id::Id,
        standard::{INDUSTRIES, RATINGS, SOURCES},
        value::time_text,
    },
    random::Random,
    store::{Store, write::Fields},
    wire::{Generate, Generated},
};

pub(super) struct Maker {
    random: Random,
    hostile_every: u32,
    leads: u32,
}

/// Makes what was asked for. Leads and contacts belong to `owner`, or to the default owner.
///
/// # Errors
/// A sentence that names the record that could not be loaded.
pub(super) fn generate(
    store: &mut Store,
    wanted: &Generate,
    now: i64,
) -> Result<Generated, String> {
    let mut maker = Maker::new(wanted.seed, wanted.hostile_every);
    let mut made = Generated::default();
    for number in 0..wanted.users {
        made.users
            .push(store.load(now, "User", maker.user(number, true))?);
    }
    for number in 0..wanted.inactive_users {
        made.inactive_users
            .push(store.load(now, "User", maker.user(number, false))?);
    }
    for number in 0..wanted.queues {
        let queue = store.load(now, "Group", queue(number))?;
        let serves = fields(json!({ "QueueId": queue, "SobjectType": "Lead" }));
        store.load(now, "QueueSobject", serves)?;
        for user in made
            .users
            .iter()
            .skip(usize::try_from(number).unwrap_or_default())
            .step_by(3)
        {
            let member = fields(json!({ "GroupId": queue, "UserOrGroupId": user }));
            store.load(now, "GroupMember", member)?;
        }
        made.queues.push(queue);
    }
    for _ in 0..wanted.accounts {
        made.accounts
            .push(store.load(now, "Account", maker.account())?);
    }
    for _ in 0..wanted.contacts {
        let mut contact = maker.contact(&made.accounts);
        owned(&mut contact, wanted.owner);
        made.contacts.push(store.load(now, "Contact", contact)?);
    }
    for number in 0..wanted.leads {
        let mut lead = maker.lead();
        owned(&mut lead, wanted.owner);
        let at = Json::from(time_text(came(wanted, number, now)));
        for field in ["CreatedDate", "LastModifiedDate", "SystemModstamp"] {
            lead.insert(field.to_owned(), at.clone());
        }
        made.leads.push(store.load(now, "Lead", lead)?);
    }
    Ok(made)
}

/// When lead `number` came: evenly over the spread, the last one now, in whole seconds.
fn came(wanted: &Generate, number: u32, now: i64) -> i64 {
    let left = i64::from(wanted.leads.saturating_sub(number).saturating_sub(1));
    let spread = i64::from(wanted.spread_seconds);
    let before = left.saturating_mul(spread) / i64::from(wanted.leads.max(1));
    crate::store::stamp(now).saturating_sub(before.saturating_mul(1_000))
}

fn owned(fields: &mut Fields, owner: Option<Id>) {
    if let Some(owner) = owner {
        fields.insert("OwnerId".to_owned(), json!(owner));
    }
}

fn fields(json: Json) -> Fields {
    match json {
        Json::Object(fields) => fields,
        _ => Fields::new(),
    }
}

fn queue(number: u32) -> Fields {
    const NAMES: [&str; 4] = [
        "Inbound Leads",
        "Enterprise Desk",
        "Partner Leads",
        "Triage",
    ];
    let index = usize::try_from(number).unwrap_or_default();
    let name = NAMES
        .get(index)
        .map_or_else(|| format!("Queue {number}"), |&name| name.to_owned());
    let developer = name.replace(' ', "_");
    fields(json!({ "Name": name, "DeveloperName": developer, "Type": "Queue" }))
}

/// Letters and digits of a word in lower case, for addresses; `fallback` when none are ASCII.
fn slug(word: &str, fallback: &str) -> String {
    let slug: String = word
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase();
    if slug.is_empty() {
        fallback.to_owned()
    } else {
        slug
    }
}

struct Person {
    country: &'static names::Country,
    place: (&'static str, &'static str),
    first: &'static str,
    last: &'static str,
}

impl Maker {
    pub(super) fn new(seed: u64, hostile_every: u32) -> Self {
        Self {
            random: Random::new(seed),
            hostile_every,
            leads: 0,
        }
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        self.random.pick(words, "")
    }

    /// Smaller indices come more often, as a few countries give most leads.
    fn person(&mut self) -> Person {
        let countries = names::COUNTRIES;
        let at = self
            .random
            .below(countries.len())
            .min(self.random.below(countries.len()));
        let country = countries.get(at).unwrap_or(&names::UNITED_STATES);
        let place = self.random.below(country.places.len());
        Person {
            country,
            place: country.places.get(place).copied().unwrap_or_default(),
            first: self.one_of(country.first),
            last: self.one_of(country.last),
        }
    }

    fn company(&mut self) -> String {
        let (first, last) = (
            self.one_of(names::COMPANY_FIRST),
            self.one_of(names::COMPANY_LAST),
        );
        format!("{first} {last}")
    }

    fn phone(&mut self, country: &names::Country) -> String {
        format!("{} {:07}", country.dial, self.random.below(10_000_000))
    }

    pub(super) fn user(&mut self, number: u32, active: bool) -> Fields {
        let person = self.person();
        let kind = if active { "rep" } else { "former" };
        let username = format!(
            "{}.{kind}{number}@acme.example",
            slug(person.last, "person")
        );
        fields(json!({
            "FirstName": person.first, "LastName": person.last, "Username": username,
            "Email": username, "Alias": format!("r{number}"),
            "IsActive": active, "UserType": "Standard", "Title": "Account Executive",
            "Department": "Sales", "TimeZoneSidKey": "UTC", "LanguageLocaleKey": "en_US",
        }))
    }

    fn account(&mut self) -> Fields {
        let person = self.person();
        let company = self.company();
        fields(json!({
            "Name": company, "Industry": self.one_of(INDUSTRIES), "Phone": self.phone(person.country),
            "Website": format!("https://{}.example", slug(&company, "company")),
            "NumberOfEmployees": self.employees(), "BillingCity": person.place.1,
            "BillingState": person.place.0, "BillingCountry": person.country.name,
            "Type": "Prospect",
        }))
    }

    fn contact(&mut self, accounts: &[Id]) -> Fields {
        let person = self.person();
        let account = accounts.get(self.random.below(accounts.len()));
        let email = format!("{}@contact.example", slug(person.last, "contact"));
        fields(json!({
            "FirstName": person.first, "LastName": person.last, "Email": email,
            "Phone": self.phone(person.country), "Title": self.one_of(names::TITLES),
            "Department": self.one_of(names::DEPARTMENTS), "LeadSource": self.one_of(SOURCES),
            "AccountId": account, "MailingCity": person.place.1,
            "MailingState": person.place.0, "MailingCountry": person.country.name,
        }))
    }

    /// Mostly small companies, a few of a hundred thousand.
    fn employees(&mut self) -> usize {
        let magnitude = [10, 50, 200, 1_000, 10_000, 100_000];
        let most = magnitude
            .get(self.random.below(magnitude.len()))
            .copied()
            .unwrap_or(10);
        self.random.below(most).saturating_add(1)
    }

    pub(super) fn lead(&mut self) -> Fields {
        self.leads = self.leads.saturating_add(1);
        let person = self.person();
        let company = self.company();
        let employees = self.employees();
        let hostile = self.hostile_every > 0 && self.leads.is_multiple_of(self.hostile_every);
        let last = if hostile {
            self.one_of(names::HOSTILE)
        } else {
            person.last
        };
        let domain = match self.random.below(8) {
            0 => self.one_of(names::PERSONAL_DOMAINS).to_owned(),
            _ => format!(
                "{}.example.{}",
                slug(&company, "company"),
                person.country.domain
            ),
        };
        let mailbox = format!("{}.{}", slug(person.first, "lead"), self.leads);
        let mut lead = fields(json!({
            "FirstName": person.first, "LastName": last, "Company": company,
            "Email": format!("{mailbox}@{domain}"), "Phone": self.phone(person.country),
            "Title": self.one_of(names::TITLES), "Status": "Open - Not Contacted",
            "LeadSource": self.one_of(SOURCES), "Industry": self.one_of(INDUSTRIES),
            "Rating": self.one_of(RATINGS), "NumberOfEmployees": employees,
            "AnnualRevenue": employees.saturating_mul(90_000),
            "City": person.place.1, "State": person.place.0, "Country": person.country.name,
        }));
        // Real leads have holes: rules must cope with empty fields.
        for field in ["Industry", "Rating", "State", "NumberOfEmployees", "Title"] {
            if self.random.below(12) == 0 {
                lead.remove(field);
            }
        }
        lead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(seed: u64) -> Vec<String> {
        let mut store = Store::new(Id::make("005", 1));
        let wanted = Generate {
            seed,
            users: 3,
            queues: 1,
            leads: 60,
            hostile_every: 20,
            accounts: 2,
            contacts: 2,
            spread_seconds: 60,
            ..Generate::default()
        };
        let made = generate(&mut store, &wanted, 1_700_000_000_000).unwrap();
        assert_eq!(
            (made.leads.len(), made.users.len(), made.queues.len()),
            (60, 3, 1)
        );
        let table = store.table("Lead").unwrap();
        let name = table.object.stored_column("Name").unwrap();
        let stamps: Vec<i64> = table
            .rows()
            .iter()
            .map(crate::store::table::Row::stamp)
            .collect();
        assert!(stamps.is_sorted() && stamps.first() < stamps.last());
        table
            .rows()
            .iter()
            .map(|row| row.get(name).as_text().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_records_and_another_gives_others() {
        let names = names_of(7);
        assert_eq!(names, names_of(7));
        assert_ne!(names, names_of(8));
        let hostile = |name: &String| names::HOSTILE.iter().any(|word| name.contains(word));
        assert_eq!(names.iter().filter(|name| hostile(name)).count(), 3);
    }

    #[test]
    fn every_hostile_name_fits_the_field() {
        assert!(names::HOSTILE.iter().all(|name| name.chars().count() <= 80));
    }
}
