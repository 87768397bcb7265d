//! Switching a router on is shown as a number first, and typed when the number is large: a query
//! that matches more than was meant is noticed before it is the rule.

use actix_web::http::StatusCode;
use http::Problem;
use layer::Object;
use serde::Serialize;
use serde_json::Value as Json;

/// Above this many records the number is typed.
const MANY: u64 = 10_000;
/// As is a share of the object above one in this many.
const ONE_IN: u64 = 5;
/// Records come in while a person reads and types: a confirmation covers one in so many more.
const GROWTH_ONE_IN: u64 = 100;

/// What would be matched.
#[derive(Debug, Serialize)]
pub(crate) struct Preview {
    matching: u64,
    object_total: u64,
    /// 0 to 1.
    share: f64,
    needs_typed_confirmation: bool,
    confirm_text: Option<String>,
    reasons: Vec<String>,
}

impl Preview {
    pub(crate) fn new(object: Object, matching: u64, object_total: u64) -> Self {
        let mut reasons = Vec::new();
        if matching.saturating_mul(ONE_IN) > object_total {
            let share = format!("More than 20 % of all {}s match.", object.name());
            reasons.push(share);
        }
        if matching > MANY {
            reasons.push(String::from("More than 10,000 records match."));
        }
        let needs_typed_confirmation = !reasons.is_empty();
        Self {
            matching,
            object_total,
            share: share(matching, object_total),
            needs_typed_confirmation,
            confirm_text: needs_typed_confirmation.then(|| matching.to_string()),
            reasons,
        }
    }

    /// Whether `typed` is the number that matches now, or was shortly before.
    pub(crate) fn is_confirmed_by(&self, typed: Option<&str>) -> bool {
        if !self.needs_typed_confirmation {
            return true;
        }
        let Some(typed) = typed.and_then(|text| text.trim().parse::<u64>().ok()) else {
            return false;
        };
        self.matching <= typed.saturating_add(typed / GROWTH_ONE_IN)
            && typed <= self.matching.saturating_add(self.matching / GROWTH_ONE_IN)
    }

    /// The refusal, with the count that has to be confirmed.
    pub(crate) fn into_problem(self) -> Problem {
        let problem = Problem::new(
            StatusCode::CONFLICT,
            "confirmation_needed",
            format!(
                "{} Type {} to confirm.",
                self.reasons.join(" "),
                self.matching
            ),
        );
        problem
            .with("field", Json::from("confirm"))
            .with("current", serde_json::to_value(&self).unwrap_or(Json::Null))
    }
}

/// Counts beyond 2^32 do not occur; a whole that is nothing has no share.
fn share(part: u64, whole: u64) -> f64 {
    let float = |n: u64| u32::try_from(n).map_or(f64::from(u32::MAX), f64::from);
    if whole == 0 {
        0.0
    } else {
        float(part) / float(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(matching: u64, total: u64) -> Preview {
        Preview::new(Object::Lead, matching, total)
    }

    #[test]
    fn the_number_is_typed_above_a_fifth_and_above_ten_thousand() {
        assert!(!preview(200, 1_000).needs_typed_confirmation);
        assert!(preview(201, 1_000).needs_typed_confirmation);
        assert!(!preview(10_000, 1_000_000).needs_typed_confirmation);
        assert_eq!(
            preview(10_001, 1_000_000).confirm_text.as_deref(),
            Some("10001")
        );
        assert!(!preview(0, 0).needs_typed_confirmation);
    }

    #[test]
    fn only_the_number_itself_confirms() {
        let many = preview(18_476, 61_200);
        assert!(many.is_confirmed_by(Some(" 18476 ")));
        assert!(
            many.is_confirmed_by(Some("18400")),
            "some came in meanwhile"
        );
        for typed in [
            None,
            Some(""),
            Some("yes"),
            Some("18,476"),
            Some("1000"),
            Some("99999999"),
            Some("0"),
        ] {
            assert!(!many.is_confirmed_by(typed), "{typed:?}");
        }
        assert!(preview(3, 1_000).is_confirmed_by(None));
    }

    #[test]
    fn a_refusal_shows_the_count() {
        assert_eq!(preview(3, 4).into_problem().code(), "confirmation_needed");
    }
}
