//! In which parts an object goes up and comes down ("Multipart upload limits" of the API reference: 10,000 parts, each
//! but the last of 5 MiB or more).

const SMALLEST: u64 = 16 << 20;
const STEP: u64 = 1 << 20;
const MOST: u64 = 10_000;

/// Bytes of each part but the last, of an object of `size` bytes.
pub(crate) const fn part_size(size: u64) -> u64 {
    let least = size.div_ceil(MOST).div_ceil(STEP).saturating_mul(STEP);
    if least > SMALLEST { least } else { SMALLEST }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_object_has_more_parts_than_a_bucket_takes(size in 0_u64..50_000_000_000_000) {
            let part = part_size(size);
            prop_assert!(part >= SMALLEST && size.div_ceil(part) <= MOST);
        }
    }
}
