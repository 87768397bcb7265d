//! Where a ciphertext belongs. Copied to any other place it does not open (OB-08, CX-04).

use kernel::TenantId;

const DOMAIN: &[u8] = b"revkeep.binding.1";

/// The place of one secret inside a tenant: which system it is for, whose row it stands in, and
/// which column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The outside system or the part of Revkeep, for example `salesforce`.
    pub provider: &'a str,
    /// The id of the row or person, for example a connection's id.
    pub owner: &'a str,
    /// Table and column, for example `connections.refresh_token`.
    pub column: &'a str,
}

impl Binding<'_> {
    /// The bytes that stand for this place in `tenant`: associated data of the cipher and
    /// derivation context of the tenant's key. Every part is preceded by its length, so two
    /// different places never have the same bytes.
    pub(crate) fn context(&self, tenant: TenantId) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend_from_slice(tenant.uuid().as_bytes());
        for part in [self.provider, self.owner, self.column] {
            append(&mut bytes, part.as_bytes());
        }
        bytes
    }
}

/// Appends `part` with its length in front (64 bits, big endian).
pub(crate) fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn two_places_never_share_their_bytes(
            a in (any::<u128>(), ".{0,6}", ".{0,6}", ".{0,6}"),
            b in (any::<u128>(), ".{0,6}", ".{0,6}", ".{0,6}"),
        ) {
            let bytes = |(tenant, provider, owner, column): &(u128, String, String, String)| {
                Binding { provider, owner, column }
                    .context(TenantId::from_uuid(Uuid::from_u128(*tenant)))
            };
            prop_assert_eq!(bytes(&a) == bytes(&b), a == b);
        }
    }

    #[test]
    fn moving_a_letter_over_a_border_changes_the_bytes() {
        let tenant = TenantId::PLATFORM;
        let one = Binding {
            provider: "ab",
            owner: "c",
            column: "d",
        };
        let two = Binding {
            provider: "a",
            owner: "bc",
            column: "d",
        };
        assert_ne!(one.context(tenant), two.context(tenant));
    }
}
