//! What a key may ask. Each handler's first argument names the scope that the key needs.

pub(crate) mod records;
pub(crate) mod routing;

use http::{KeyScope, Routes};

/// Reads records of the data layer.
pub struct RecordsRead;

/// Reads the routing: its log, what failed, who takes part.
pub struct RoutingRead;

impl KeyScope for RecordsRead {
    const NAME: &'static str = "records:read";
}

impl KeyScope for RoutingRead {
    const NAME: &'static str = "routing:read";
}

/// Every route below [`crate::BASE`], with what it requires.
pub fn all() -> Routes {
    Routes::new()
        .and(crate::openapi::routes())
        .and(records::routes())
        .and(routing::routes())
}

#[cfg(test)]
mod tests {
    use http::Access;

    /// A key with a scope, and nothing else; and no route changes anything.
    #[test]
    fn every_route_takes_a_key_with_one_scope_and_reads() {
        let routes = super::all();
        assert!(routes.list().len() > 5);
        for route in routes.list() {
            let of_keys = matches!(
                route.access,
                Access::Program("records:read" | "routing:read")
            );
            let description = route.path == "/openapi.json" && route.access == Access::Public;
            assert!(of_keys || description, "{route:?}");
            assert_eq!(route.method.as_str(), "GET", "{route:?}");
        }
    }
}
