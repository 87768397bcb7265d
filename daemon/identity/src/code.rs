//! Codes that people copy by hand: random, in groups, and forgiving about how they are typed.

use kernel::Secret;

use crate::{error::IdentityError, opaque::random};

/// Crockford's alphabet: no letter that is read as another or as a digit. 5 bits a letter.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// `groups` groups of `size` random letters, joined by dashes.
pub(crate) fn random_groups(groups: usize, size: usize) -> Result<Secret<String>, IdentityError> {
    let mut text = String::new();
    for group in 0..groups {
        if group > 0 {
            text.push('-');
        }
        for _ in 0..size {
            let [byte] = random::<1>()?;
            text.extend(
                ALPHABET
                    .get(usize::from(byte % 32))
                    .map(|letter| char::from(*letter)),
            );
        }
    }
    Ok(Secret::new(text))
}

/// Case, spaces and dashes do not count, and look-alikes are read as meant.
pub(crate) fn canonical(code: &str) -> String {
    code.chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_as_its_groups_and_no_two_are_alike() {
        let (one, two) = (random_groups(5, 4).unwrap(), random_groups(5, 4).unwrap());
        assert_ne!(one.expose(), two.expose());
        let groups: Vec<_> = one.expose().split('-').collect();
        assert_eq!(groups.len(), 5);
        assert!(groups.iter().all(|group| group.len() == 4));
    }

    #[test]
    fn a_code_may_be_typed_carelessly_but_not_wrongly() {
        let code = canonical("0A1BC-DEFGH-JKMNP-QRSTV-WXYZ0");
        assert_eq!(code, canonical(" oaibc defgh jkmnp qrstv wxyzo "));
        assert_ne!(code, canonical("0A1BC-DEFGH-JKMNP-QRSTV-WXYZ1"));
        assert_ne!(code, canonical(""));
    }
}
