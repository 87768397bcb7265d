//! The API's routes, a module per domain.

mod session;
mod setup;

use http::Routes;

/// Every route of the console, with what it requires.
pub fn all() -> Routes {
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
