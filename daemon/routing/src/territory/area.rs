//! What lies in a territory: a predicate over what a record says about itself.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::postal::PostalRange;

/// What a record says; an empty text or `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub country: String,
    pub state: String,
    pub postal_code: String,
    pub industry: String,
    pub employees: Option<u64>,
    /// Further fields of the layer, by name.
    pub fields: BTreeMap<String, String>,
}

/// Employees, both ends taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    pub from: u64,
    /// `None`: any number above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// All of the conditions that are given hold; one that is not given holds for every record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal: Option<PostalRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub industry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// A name, who owns it (a rep, a pool or a queue, as the caller names them), and its areas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Territory<O> {
    pub name: String,
    pub owner: O,
    pub areas: Vec<Area>,
}

/// The first condition of an area that a record does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    Country,
    State,
    Postal,
    Industry,
    Size,
    Field(String),
}

impl Size {
    pub fn contains(self, employees: u64) -> bool {
        self.from <= employees && self.until.is_none_or(|until| employees <= until)
    }

    pub fn meets(self, other: Self) -> bool {
        let begins = |a: Self, b: Self| b.until.is_none_or(|until| a.from <= until);
        begins(self, other) && begins(other, self)
    }
}

/// Texts of the CRM are compared without regard to the size of letters and to blanks around them.
pub(super) fn same_text(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim(), b.trim());
    a.eq_ignore_ascii_case(b)
        || (!(a.is_ascii() && b.is_ascii()) && a.to_lowercase() == b.to_lowercase())
}

/// A text as [`same_text`] sees it.
pub(super) fn plain_text(text: &str) -> String {
    text.trim().to_lowercase()
}

impl Area {
    /// Whether a record lies in it.
    ///
    /// # Errors
    /// The first condition that it does not meet; a fact that is not known meets none.
    pub fn contains(&self, facts: &Facts) -> Result<(), Unmet> {
        let text = |wanted: &Option<String>, is: &str| {
            let wanted = wanted.as_deref();
            wanted.is_none_or(|wanted| !is.trim().is_empty() && same_text(wanted, is))
        };
        let postal = self.postal.as_ref();
        let conditions = [
            (text(&self.country, &facts.country), Unmet::Country),
            (text(&self.state, &facts.state), Unmet::State),
            (
                postal.is_none_or(|range| range.contains(&facts.postal_code)),
                Unmet::Postal,
            ),
            (text(&self.industry, &facts.industry), Unmet::Industry),
            (
                self.size
                    .is_none_or(|size| facts.employees.is_some_and(|count| size.contains(count))),
                Unmet::Size,
            ),
        ];
        if let Some((_, unmet)) = conditions.into_iter().find(|(met, _)| !met) {
            return Err(unmet);
        }
        let unmet = self.fields.iter().find(|(name, wanted)| {
            let is = facts.fields.get(*name);
            !is.is_some_and(|is| same_text(wanted, is))
        });
        match unmet {
            Some((name, _)) => Err(Unmet::Field(name.clone())),
            None => Ok(()),
        }
    }

    /// How many conditions are given: of two areas that hold a record, the narrower one has more.
    pub fn narrowness(&self) -> usize {
        let given = [
            self.country.is_some(),
            self.state.is_some(),
            self.postal.is_some(),
            self.industry.is_some(),
            self.size.is_some(),
        ];
        let given = given.into_iter().filter(|given| *given).count();
        given.saturating_add(self.fields.len())
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.until {
            Some(until) => write!(out, "{} to {until} employees", self.from),
            None => write!(out, "{} employees or more", self.from),
        }
    }
}

impl std::fmt::Display for Area {
    /// Its conditions as people say them.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts = [&self.country, &self.state].into_iter().flatten().cloned();
        let postal = self.postal.iter().map(|range| format!("postal {range}"));
        let size = self.size.map(|size| size.to_string());
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| format!("{name} {value}"));
        let said: Vec<String> = texts
            .chain(postal)
            .chain(self.industry.clone())
            .chain(size)
            .chain(fields)
            .collect();
        out.write_str(&said.join(", "))
    }
}

/// The places of a territory and of one of its areas.
pub type Place = (usize, usize);

/// Why one territory has a record that another holds as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Won {
    /// Its area has more conditions.
    Narrower,
    /// Their areas have as many; it stands further up.
    Earlier,
}

/// The territory of a record, and the closest of the others that hold it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    pub place: Place,
    pub beaten: Option<(usize, Won)>,
}

/// Territories made ready to be asked, area by area out of those of the record's country.
#[derive(Debug)]
pub struct Atlas<O> {
    territories: Vec<Territory<O>>,
    by_country: HashMap<Option<String>, Vec<Place>>,
}

impl<O> Atlas<O> {
    pub fn new(territories: Vec<Territory<O>>) -> Self {
        let mut by_country: HashMap<_, Vec<Place>> = HashMap::new();
        for (at, territory) in territories.iter().enumerate() {
            for (place, area) in territory.areas.iter().enumerate() {
                let country = area.country.as_deref().map(plain_text);
                by_country.entry(country).or_default().push((at, place));
            }
        }
        Self {
            territories,
            by_country,
        }
    }

    pub fn territories(&self) -> &[Territory<O>] {
        &self.territories
    }

    /// The territory of a record: the one with the narrowest area that holds it, the earlier one when
    /// equal.
    pub fn locate(&self, facts: &Facts) -> Option<Located> {
        let country = Some(plain_text(&facts.country)).filter(|country| !country.is_empty());
        let of = |country: &Option<String>| self.by_country.get(country);
        let here = country.is_some().then(|| of(&country)).flatten();
        let places = here.into_iter().chain(of(&None)).flatten();
        let holding = places.filter_map(|place| {
            let area = self.territories.get(place.0)?.areas.get(place.1)?;
            area.contains(facts).ok()?;
            Some((area.narrowness(), *place))
        });
        let (mut best, mut second) = (None, None);
        for found in holding {
            let same = |other: Option<(usize, Place)>| {
                other.is_some_and(|(_, other)| other.0 == found.1.0)
            };
            if best.is_none_or(|best| before(found, best)) {
                if !same(best) {
                    second = best;
                }
                best = Some(found);
            } else if !same(best) && second.is_none_or(|second| before(found, second)) {
                second = Some(found);
            }
        }
        let (narrowness, place) = best?;
        let beaten = second.map(|(other, (at, _))| {
            let won = if other < narrowness {
                Won::Narrower
            } else {
                Won::Earlier
            };
            (at, won)
        });
        Some(Located { place, beaten })
    }
}

/// Whether the first is narrower than the second, or as narrow and further up.
fn before(a: (usize, Place), b: (usize, Place)) -> bool {
    (std::cmp::Reverse(a.0), a.1) < (std::cmp::Reverse(b.0), b.1)
}
