//! Where two territories claim the same records, and where nobody does.

use std::collections::BTreeMap;

use super::{
    area::{Area, Place, Size, Territory, plain_text, same_text},
    postal::PostalRange,
};

/// Two areas of different territories in which one record can lie: places of territory and area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    pub first: Place,
    pub second: Place,
    /// The narrower one wins, so this may be meant: an exception inside a larger territory.
    pub nested: bool,
}

/// Records that no area holds, among areas that differ in one condition alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Between areas that are else the same as `like` (territory, area), these sizes are nobody's.
    Size { like: Place, gap: Size },
    /// The same with postal codes, where they are numbers of one length.
    Postal { like: Place, gap: PostalRange },
}

/// First and last postal code, as numbers.
type Codes = (u64, u64);

/// Every pair of areas, of different territories with different owners, that a record can lie in both.
/// At most `most` are given. Areas are looked at country by country in the order of their postal codes,
/// so that ranges which cannot meet are not held against each other one by one.
pub fn overlaps<O: PartialEq>(territories: &[Territory<O>], most: usize) -> Vec<Overlap> {
    let mut areas: Vec<_> = places(territories).map(Swept::new).collect();
    areas
        .sort_unstable_by(|a, b| (&a.country, a.from, a.place).cmp(&(&b.country, b.from, b.place)));
    let mut found = Vec::new();
    for (at, first) in areas.iter().enumerate() {
        let later = areas.iter().skip(at.saturating_add(1));
        for second in later.take_while(|second| first.reaches(second)) {
            let (a, b) = (first.place, second.place);
            let differ = a.0 != b.0 && owner(territories, a) != owner(territories, b);
            if differ && meet(first.area, second.area) {
                found.push(Overlap {
                    first: a.min(b),
                    second: a.max(b),
                    nested: first.area.narrowness() != second.area.narrowness(),
                });
                if found.len() >= most {
                    break;
                }
            }
        }
        if found.len() >= most {
            break;
        }
    }
    found.sort_unstable_by_key(|overlap| (overlap.first, overlap.second));
    found
}

/// An area in the order in which overlaps are looked for: those of no country first, and in a country
/// those of no postal code.
struct Swept<'a> {
    country: Option<String>,
    from: Option<&'a str>,
    place: Place,
    area: &'a Area,
}

impl<'a> Swept<'a> {
    fn new((place, area): (Place, &'a Area)) -> Self {
        Self {
            country: area.country.as_deref().map(plain_text),
            from: area.postal.as_ref().map(PostalRange::from),
            place,
            area,
        }
    }

    /// Whether one further on, or one after that, can still meet this one.
    fn reaches(&self, later: &Self) -> bool {
        let Some(country) = &self.country else {
            return true;
        };
        if later.country.as_ref() != Some(country) {
            return false;
        }
        match (&self.area.postal, later.from) {
            (Some(range), Some(from)) => from <= range.until() || from.starts_with(range.until()),
            _ => true,
        }
    }
}

fn places<O>(territories: &[Territory<O>]) -> impl Iterator<Item = (Place, &Area)> {
    territories.iter().enumerate().flat_map(|(at, territory)| {
        let areas = territory.areas.iter().enumerate();
        areas.map(move |(place, area)| ((at, place), area))
    })
}

fn owner<O>(territories: &[Territory<O>], (at, _): Place) -> Option<&O> {
    territories.get(at).map(|territory| &territory.owner)
}

/// Whether a record can lie in both: no condition of one excludes the other's.
fn meet(a: &Area, b: &Area) -> bool {
    let text = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => same_text(a, b),
        _ => true,
    };
    let postal = match (&a.postal, &b.postal) {
        (Some(a), Some(b)) => a.meets(b),
        _ => true,
    };
    let size = match (a.size, b.size) {
        (Some(a), Some(b)) => a.meets(b),
        _ => true,
    };
    let mut fields = a.fields.iter();
    text(&a.country, &b.country)
        && text(&a.state, &b.state)
        && text(&a.industry, &b.industry)
        && postal
        && size
        && fields.all(|(name, value)| b.fields.get(name).is_none_or(|is| same_text(is, value)))
}

/// What nobody has: sizes from 1 up, and postal codes between the first and the last given.
pub fn gaps<O>(territories: &[Territory<O>]) -> Vec<Gap> {
    let mut sizes: BTreeMap<String, Vec<(Place, Size)>> = BTreeMap::new();
    let mut codes: BTreeMap<(String, usize), Vec<(Place, Codes)>> = BTreeMap::new();
    for (place, area) in places(territories) {
        if let Some(size) = area.size {
            let rest = Area {
                size: None,
                ..area.clone()
            };
            sizes.entry(key(&rest)).or_default().push((place, size));
        }
        let numbers = area.postal.as_ref().and_then(PostalRange::numbers);
        if let Some((from, until, length)) = numbers {
            let rest = Area {
                postal: None,
                ..area.clone()
            };
            let of = codes.entry((key(&rest), length)).or_default();
            of.push((place, (from, until)));
        }
    }
    let sizes = sizes.into_values().flat_map(size_gaps);
    let codes = codes
        .into_iter()
        .flat_map(|((_, length), codes)| postal_gaps(codes, length));
    sizes.chain(codes).collect()
}

/// The conditions of an area as one text, with which areas are grouped.
fn key(area: &Area) -> String {
    let lower = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_lowercase());
    format!(
        "{:?}",
        (
            lower(&area.country),
            lower(&area.state),
            &area.postal,
            lower(&area.industry),
            area.size,
            &area.fields
        )
    )
}

fn size_gaps(mut sizes: Vec<(Place, Size)>) -> Vec<Gap> {
    sizes.sort_unstable_by_key(|(_, size)| *size);
    let Some((like, _)) = sizes.first().copied() else {
        return Vec::new();
    };
    let (mut next, mut found) = (Some(1_u64), Vec::new());
    for (_, size) in sizes {
        let Some(free) = next else { break };
        if size.from > free {
            let until = Some(size.from.saturating_sub(1));
            let gap = Size { from: free, until };
            found.push(Gap::Size { like, gap });
        }
        next = size.until.map(|until| until.saturating_add(1).max(free));
    }
    if let Some(from) = next {
        let gap = Size { from, until: None };
        found.push(Gap::Size { like, gap });
    }
    found
}

fn postal_gaps(mut codes: Vec<(Place, Codes)>, length: usize) -> Vec<Gap> {
    codes.sort_unstable_by_key(|(_, range)| *range);
    let Some((like, (_, first_end))) = codes.first().copied() else {
        return Vec::new();
    };
    let (mut last, mut found) = (first_end, Vec::new());
    for (_, (from, until)) in codes {
        let free = last.saturating_add(1);
        if from > free {
            let write = |code: u64| format!("{code:0length$}");
            let range = PostalRange::new(&write(free), &write(from.saturating_sub(1)));
            found.extend(range.ok().map(|gap| Gap::Postal { like, gap }));
        }
        last = last.max(until);
    }
    found
}
