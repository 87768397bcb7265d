//! The interface, described for programs (OpenAPI 3.1): a file, held against the routes by tests.

use actix_web::HttpResponse;
use http::{Public, Routes};

const DESCRIBED: &str = include_str!("../openapi.json");

pub(crate) fn routes() -> Routes {
    Routes::new().get("/openapi.json", described)
}

/// It names no data, so it needs no key.
async fn described(_: Public) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(DESCRIBED)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::Access;
    use serde_json::Value;

    #[test]
    fn every_route_is_described_with_its_scope_and_nothing_else_is() {
        let described: Value = serde_json::from_str(super::DESCRIBED).unwrap();
        let mut told = BTreeSet::new();
        for (path, operations) in described["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let scope = operation["x-scope"].as_str().unwrap();
                told.insert(format!("{} {path} {scope}", method.to_uppercase()));
                let named: Vec<&str> = operation["parameters"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|one| one["in"] == "path")
                    .map(|one| one["name"].as_str().unwrap())
                    .collect();
                let inside: Vec<&str> = path
                    .split('{')
                    .skip(1)
                    .map(|rest| rest.split('}').next().unwrap())
                    .collect();
                assert_eq!(named, inside, "{path}");
            }
        }
        let there: BTreeSet<String> = crate::routes::all()
            .list()
            .iter()
            .filter_map(|route| match route.access {
                Access::Program(scope) => Some(format!("{} {} {scope}", route.method, route.path)),
                _ => None,
            })
            .collect();
        assert_eq!(told, there);
    }
}
