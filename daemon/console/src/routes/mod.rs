//! The API's routes, a module per domain.

mod assignments;
mod connections;
mod events;
mod failures;
mod jobs;
mod layer;
mod overview;
mod pools;
mod records;
mod reps;
mod routers;
mod rules;
mod session;
mod setup;
mod titles;

use http::Routes;

/// The provider of the routing connection.
const PROVIDER: &str = "salesforce";

/// The limit of a page in the domains' own type.
fn rows(limit: i64) -> u16 {
    u16::try_from(limit).unwrap_or(u16::MAX)
}

/// Every route of the console, with what it requires.
pub fn all() -> Routes {
    entrance()
        .and(overview::routes())
        .and(connections::routes())
        .and(layer::routes())
        .and(reps::routes())
        .and(pools::routes())
        .and(routers::routes())
        .and(rules::routes())
        .and(assignments::routes())
        .and(failures::routes())
        .and(records::routes())
        .and(jobs::routes())
        .and(events::routes())
}

/// Set-up and sign-in: what there is before anyone is inside. Needs `http::Shared` alone.
pub fn entrance() -> Routes {
    Routes::new().and(setup::routes()).and(session::routes())
}

#[cfg(test)]
mod tests {
    use http::Access;

    /// What may be done without a session. A new line here is a decision.
    #[test]
    fn only_these_routes_are_open() {
        let open: Vec<String> = super::all()
            .list()
            .iter()
            .filter(|route| matches!(route.access, Access::Public | Access::Knock))
            .map(|route| format!("{} {} {:?}", route.method, route.path, route.access))
            .collect();
        assert_eq!(
            open,
            [
                "GET /setup Public",
                "POST /setup Knock",
                "POST /session Knock",
                "POST /session/refresh Public",
            ]
        );
    }

    #[test]
    fn no_route_is_listed_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for route in super::all().list() {
            assert!(
                seen.insert(format!("{} {}", route.method, route.path)),
                "{route:?}"
            );
        }
    }
}
