//! `/.well-known/security.txt` (RFC 9116): whom to tell about a weakness of this appliance (OB-37). The
//! operator names the contact; without one there is no file.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::Problem;

use crate::Console;

pub(crate) const PATH: &str = "/.well-known/security.txt";
/// Section 2.5.5 asks for less than a year; each answer begins anew.
const GOOD_FOR: TimeDelta = TimeDelta::days(30);

pub(crate) async fn security_txt(console: web::Data<Console>) -> Result<HttpResponse, Problem> {
    let contact = console
        .security_contact
        .as_deref()
        .ok_or_else(Problem::not_found)?;
    let now = console.db.clock().now();
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(text(contact, &console.public_url, now)))
}

fn text(contact: &str, public_url: &str, now: DateTime<Utc>) -> String {
    // A contact without a scheme is a mail address; the field takes a URI (section 2.5.3).
    let scheme = if contact.contains(':') { "" } else { "mailto:" };
    format!(
        "Contact: {scheme}{contact}\nExpires: {}\nPreferred-Languages: en\nCanonical: {public_url}{PATH}\n",
        (now + GOOD_FOR).to_rfc3339_opts(SecondsFormat::Secs, true)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_a_contact_that_is_a_uri_and_an_end_within_a_year() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let told = text("security@acme.example", "https://revkeep.acme.example", now);
        assert_eq!(
            told,
            "Contact: mailto:security@acme.example\nExpires: 2027-02-14T08:00:00Z\nPreferred-Languages: en\nCanonical: https://revkeep.acme.example/.well-known/security.txt\n"
        );
        let told = text("https://acme.example/report", "https://r", now);
        assert!(
            told.starts_with("Contact: https://acme.example/report\n"),
            "{told}"
        );
    }
}
