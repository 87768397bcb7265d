//! What holds of any bytes of a directory, and of anything that somebody types.

use proptest::prelude::*;

use crate::sso::ldap::{
    ber::{Reader, constructed, element, number},
    entry::{self, subject},
    filter::Template,
    message::{self, Answer, Entry},
    name::{BindTemplate, USER, escaped, normal},
};

/// An entry as a server writes it.
fn written(entry: &Entry) -> Vec<u8> {
    let attributes: Vec<_> = entry
        .attributes
        .iter()
        .map(|(name, values)| {
            let values: Vec<_> = values.iter().map(|value| element(0x04, value)).collect();
            constructed(
                0x30,
                &[element(0x04, name.as_bytes()), constructed(0x31, &values)],
            )
        })
        .collect();
    let parts = [
        element(0x04, entry.dn.as_bytes()),
        constructed(0x30, &attributes),
    ];
    constructed(0x30, &[number(0x02, 7), constructed(0x64, &parts)])
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = message::answer(&bytes);
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_and_never_when_it_is_cut(
        dn in ".{0,40}",
        attributes in proptest::collection::vec(("[a-zA-Z;-]{1,12}", proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..4)), 0..4),
        cut in 1..40_usize,
    ) {
        let entry = Entry { dn, attributes };
        let bytes = written(&entry);
        prop_assert_eq!(message::answer(&bytes), Some((7, Answer::Entry(entry))));
        let kept = bytes.len().saturating_sub(cut);
        prop_assert_eq!(message::answer(&bytes[..kept]), None);
    }

    #[test]
    fn numbers_are_read_as_they_were_written(value in 0..=u32::MAX >> 1) {
        let written = number(0x02, value);
        prop_assert_eq!(Reader::new(&written).number(0x02), Some(value));
    }

    /// Whatever somebody types is one value in the filter, byte for byte, and nothing around it moves.
    #[test]
    fn nothing_typed_becomes_a_part_of_a_filter(typed in proptest::collection::vec(any::<u8>(), 0..300)) {
        let filter = Template::parse("(&(objectClass=person)(|(uid={user})(mail={user})))", USER).unwrap().of(&typed);
        let text = |text: &[u8]| element(0x04, text);
        let equal = |name: &[u8], value: &[u8]| constructed(0xa3, &[text(name), text(value)]);
        let either = constructed(0xa1, &[equal(b"uid", &typed), equal(b"mail", &typed)]);
        prop_assert_eq!(filter, constructed(0xa0, &[equal(b"objectClass", b"person"), either]));
    }

    /// Whatever somebody types stays one value of the first step of the name that they bind under.
    #[test]
    fn nothing_typed_becomes_a_part_of_a_bind_name(typed in "[!-~]{1,60}") {
        let name = BindTemplate::parse("uid={user},ou=people,dc=x").unwrap().of(&typed).unwrap();
        let expected = format!("uid={},ou=people,dc=x", escaped(&typed.to_lowercase()));
        prop_assert_eq!(normal(&name).unwrap(), expected);
    }

    #[test]
    fn a_normal_form_is_its_own(text in "(cn|OU)=[ -~\u{e4}]{0,20}(,dc=[a-zA-Z\\\\, ]{0,8})?") {
        if let Some(form) = normal(&text) {
            prop_assert_eq!(normal(&form), Some(form.clone()));
        }
    }

    /// Whatever a directory puts into the attribute, an id is a short text without odd characters, or is none.
    #[test]
    fn an_id_is_text_or_none(value in proptest::collection::vec(any::<u8>(), 0..300), name in proptest::sample::select(entry::SUBJECTS.to_vec())) {
        let entry = Entry { dn: String::from("cn=x"), attributes: vec![(name.to_owned(), vec![value.clone()])] };
        if let Some(id) = subject(&entry, name) {
            prop_assert!((1..=255).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
            if name == "objectGUID" {
                prop_assert_eq!(uuid::Uuid::parse_str(&id).unwrap().to_bytes_le().to_vec(), value);
            }
        }
    }
}
