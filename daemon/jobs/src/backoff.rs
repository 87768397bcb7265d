//! When a job that failed is tried again.

use chrono::TimeDelta;

const FIRST_SECONDS: i64 = 2;
const LONGEST_SECONDS: i64 = 300;

/// Doubles with each attempt up to five minutes, then spreads by half either way, so that many jobs
/// that failed together do not come back together.
pub(crate) fn after(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 16)).unwrap_or(0);
    let seconds = FIRST_SECONDS
        .saturating_mul(2_i64.saturating_pow(doublings))
        .min(LONGEST_SECONDS);
    let mut byte = [128_u8];
    // Without randomness the middle of the spread serves as well.
    let _ = getrandom::fill(&mut byte);
    let spread = i64::from(byte.first().copied().unwrap_or(128)); // 0..=255
    TimeDelta::milliseconds(seconds * 1000 / 2 + seconds * 1000 * spread / 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_attempts_and_stays_bounded() {
        for attempts in 1..40 {
            let wait = after(attempts).num_milliseconds();
            assert!((1_000..=450_000).contains(&wait), "{attempts}: {wait}");
        }
        assert!(after(9) > after(1));
    }
}
