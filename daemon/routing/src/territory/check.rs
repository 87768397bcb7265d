//! Where two territories claim the same records, and where nobody does.

use std::collections::BTreeMap;

use super::{
    area::{Area, Size, Territory, same_text},
    postal::PostalRange,
};

/// Two areas of different territories in which one record can lie: places of territory and area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    pub first: (usize, usize),
    pub second: (usize, usize),
    /// The narrower one wins, so this may be meant: an exception inside a larger territory.
    pub nested: bool,
}

/// Records that no area holds, among areas that differ in one condition alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Between areas that are else the same as `like` (territory, area), these sizes are nobody's.
    Size { like: (usize, usize), gap: Size },
    /// The same with postal codes, where they are numbers of one length.
    Postal {
        like: (usize, usize),
        gap: PostalRange,
    },
}

/// The places of a territory and of one of its areas.
type Place = (usize, usize);
/// First and last postal code, as numbers.
type Codes = (u64, u64);

/// Every pair of areas, of different territories with different owners, that a record can lie in both.
/// At most `most` are given. Each pair is looked at: meant for some thousand areas.
pub fn overlaps(territories: &[Territory], most: usize) -> Vec<Overlap> {
    let areas: Vec<_> = places(territories).collect();
    let pairs = areas.iter().enumerate().flat_map(|(at, first)| {
        let later = areas.iter().skip(at.saturating_add(1));
        later.map(move |second| (first, second))
    });
    let meeting = pairs.filter(|((a, first), (b, second))| {
        a.0 != b.0 && owner(territories, *a) != owner(territories, *b) && meet(first, second)
    });
    let overlaps = meeting.map(|((a, first), (b, second))| Overlap {
        first: *a,
        second: *b,
        nested: first.narrowness() != second.narrowness(),
    });
    overlaps.take(most).collect()
}

fn places(territories: &[Territory]) -> impl Iterator<Item = ((usize, usize), &Area)> {
    territories.iter().enumerate().flat_map(|(at, territory)| {
        let areas = territory.areas.iter().enumerate();
        areas.map(move |(place, area)| ((at, place), area))
    })
}

fn owner(territories: &[Territory], (at, _): (usize, usize)) -> Option<&str> {
    territories
        .get(at)
        .map(|territory| territory.owner.as_str())
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
pub fn gaps(territories: &[Territory]) -> Vec<Gap> {
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
