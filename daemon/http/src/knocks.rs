//! Requests that were turned away while nobody was known: counted by network, route and reason, so that a
//! flood of them is a few entries of the audit log a minute and not a flood of entries.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use identity::Knocks;
use kernel::principal::Origin;

use crate::rate::Network;

/// Networks and routes that a minute tells apart. Whoever comes after them is counted with the others,
/// without an address.
const TOLD_APART: usize = 256;
const OTHERS: &str = "others";

#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    /// `None`: of the others.
    network: Option<Network>,
    route: String,
    code: String,
}

#[derive(Default)]
pub(crate) struct KnockBook {
    places: Mutex<HashMap<Place, (Origin, u64)>>,
}

impl KnockBook {
    pub(crate) fn count(&self, network: Network, route: &str, code: &str, origin: &Origin) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = Place {
            network: Some(network),
            route: route.to_owned(),
            code: code.to_owned(),
        };
        let mut origin = origin.clone();
        if !places.contains_key(&place) && places.len() >= TOLD_APART {
            place = Place {
                network: None,
                route: OTHERS.to_owned(),
                code: OTHERS.to_owned(),
            };
            origin = Origin {
                address: OTHERS.to_owned(),
                user_agent: String::new(),
            };
        }
        let counted = places.entry(place).or_insert((Origin::default(), 0));
        *counted = (origin, counted.1.saturating_add(1));
    }

    /// What was counted, which begins anew.
    pub(crate) fn take(&self) -> Vec<Knocks> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *places);
        let mut taken: Vec<Knocks> = taken
            .into_iter()
            .map(|(place, (origin, count))| Knocks {
                route: place.route,
                code: place.code,
                origin,
                count,
            })
            .collect();
        taken.sort_by(|one, other| (&one.route, &one.code).cmp(&(&other.route, &other.code)));
        taken
    }

    /// What could not be written down.
    pub(crate) fn give_back(&self, taken: Vec<Knocks>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for knocks in taken {
            let network = knocks
                .origin
                .address
                .parse()
                .ok()
                .map(std::net::IpAddr::into);
            let place = Place {
                network,
                route: knocks.route,
                code: knocks.code,
            };
            let counted = places.entry(place).or_insert((knocks.origin, 0));
            counted.1 = counted.1.saturating_add(knocks.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn knock(book: &KnockBook, last: u32, route: &str) {
        let address = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + last));
        let origin = Origin {
            address: address.to_string(),
            user_agent: "curl".to_owned(),
        };
        book.count(address.into(), route, "not_signed_in", &origin);
    }

    #[test]
    fn knocks_of_one_network_at_one_route_are_one() {
        let book = KnockBook::default();
        for _ in 0..500 {
            knock(&book, 1, "GET /rules");
        }
        knock(&book, 2, "GET /rules");
        knock(&book, 1, "GET /pools");
        let taken = book.take();
        let counts: Vec<u64> = taken.iter().map(|knocks| knocks.count).collect();
        assert_eq!(counts.iter().sum::<u64>(), 502);
        assert_eq!(taken.len(), 3);
        assert!(book.take().is_empty());
    }

    #[test]
    fn a_flood_from_everywhere_stays_small_and_is_counted_whole() {
        let book = KnockBook::default();
        for last in 0..10_000 {
            knock(&book, last, "GET /rules");
        }
        let taken = book.take();
        assert_eq!(taken.len(), TOLD_APART + 1);
        assert_eq!(taken.iter().map(|knocks| knocks.count).sum::<u64>(), 10_000);
        assert!(taken.iter().any(|knocks| knocks.route == OTHERS));
    }

    #[test]
    fn what_could_not_be_written_is_not_lost() {
        let book = KnockBook::default();
        knock(&book, 1, "GET /rules");
        book.give_back(book.take());
        knock(&book, 1, "GET /rules");
        let taken = book.take();
        assert_eq!((taken.len(), taken[0].count), (1, 2));
    }
}
