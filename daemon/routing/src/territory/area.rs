//! What lies in a territory: a predicate over what a record says about itself.

use std::collections::BTreeMap;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    pub from: u64,
    /// `None`: any number above.
    pub until: Option<u64>,
}

/// All of the conditions that are given hold; one that is not given holds for every record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Area {
    pub country: Option<String>,
    pub state: Option<String>,
    pub postal: Option<PostalRange>,
    pub industry: Option<String>,
    pub size: Option<Size>,
    pub fields: BTreeMap<String, String>,
}

/// A name, who owns it (a rep, a pool or a queue, as the caller names them), and its areas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Territory {
    pub name: String,
    pub owner: String,
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
    a.trim().to_lowercase() == b.trim().to_lowercase()
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

/// The territory of a record: the one with the narrowest area that holds it, the earlier one when equal.
/// Gives the places of the territory and of its area.
pub fn locate(territories: &[Territory], facts: &Facts) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize, usize)> = None;
    for (at, territory) in territories.iter().enumerate() {
        for (place, area) in territory.areas.iter().enumerate() {
            let narrowness = area.narrowness();
            let better = best.is_none_or(|(_, _, most)| narrowness > most);
            if better && area.contains(facts).is_ok() {
                best = Some((at, place, narrowness));
            }
        }
    }
    best.map(|(at, place, _)| (at, place))
}
