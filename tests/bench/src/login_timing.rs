//! `bench login-timing`: whether the time of a refused sign-in tells an address that somebody has from
//! one that nobody has (LR-12). Identity, with the password pool and a real database; tries are
//! interleaved in pairs whose order alternates, and what is judged is the median of the pairs'
//! differences with its 99 % interval.

use std::time::Instant;

use anyhow::{Context as _, bail};
use identity::{IdentityError, SignIn};
use kernel::Secret;

use crate::{
    person::{KNOWN, Person, caller},
    report::{self, Figure},
};

const UNKNOWN: &str = "nobody@acme.example";
const WRONG: &str = "Running-otters-8-loudly";
/// Milliseconds, to either side.
const BAR: f64 = 2.0;
/// Of the normal distribution, for 99 %.
const DEVIATIONS: f64 = 2.576;

pub(crate) fn run(tries: u32) -> anyhow::Result<Vec<Figure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let person = Person::with(|_| {}).await?;
        for email in [KNOWN, UNKNOWN, KNOWN, UNKNOWN] {
            refused(&person, email).await?;
        }
        let pairs = tries / 2;
        let (mut differences, mut unknowns) = (Vec::new(), Vec::new());
        for pair in 0..pairs {
            let (known, unknown) = if pair % 2 == 0 {
                let known = refused(&person, KNOWN).await?;
                (known, refused(&person, UNKNOWN).await?)
            } else {
                let unknown = refused(&person, UNKNOWN).await?;
                (refused(&person, KNOWN).await?, unknown)
            };
            differences.push(known - unknown);
            unknowns.push(unknown);
            if pair % 50 == 49 {
                report::progress(&format!("login-timing: {} of {pairs} pairs", pair + 1));
            }
        }
        Ok(vec![judged(differences, unknowns)?])
    })
}

fn judged(mut differences: Vec<f64>, mut unknowns: Vec<f64>) -> anyhow::Result<Figure> {
    let (floor, _) = report::median(&mut unknowns).context("no tries")?;
    let pairs = differences.len();
    let (value, _) = report::median(&mut differences).context("no tries")?;
    let interval = interval(&differences)?;
    let [low, high] = interval;
    let holds = if low.abs() <= BAR && high.abs() <= BAR {
        Some(true)
    } else if low > BAR || high < -BAR {
        Some(false)
    } else {
        None
    };
    let blank = Figure::new("login-timing", "known_minus_unknown", "ms", pairs);
    Ok(Figure {
        value,
        interval,
        floor,
        bar: BAR,
        holds,
        ..blank
    })
}

/// The 99 % interval of the median of sorted samples, by their order (the normal approximation of
/// the binomial distribution).
fn interval(sorted: &[f64]) -> anyhow::Result<[f64; 2]> {
    let count = f64::from(u32::try_from(sorted.len())?);
    let reach = DEVIATIONS * count.sqrt() / 2.0;
    let below = |rank: f64| {
        sorted
            .iter()
            .zip(1_u32..)
            .filter(|(_, place)| f64::from(*place) <= rank)
            .map(|(sample, _)| *sample)
            .last()
    };
    let low = below((count / 2.0 - reach).max(1.0)).context("no samples")?;
    let high = below((count / 2.0 + reach + 1.0).min(count)).context("no samples")?;
    Ok([low, high])
}

/// Milliseconds of one refused sign-in.
async fn refused(person: &Person, email: &str) -> anyhow::Result<f64> {
    let input = SignIn {
        email: email.to_owned(),
        password: Secret::new(WRONG.to_owned()),
        tenant: None,
    };
    let caller = caller()?;
    let start = Instant::now();
    let answer = person.identity.sign_in(input, &caller).await;
    let took = start.elapsed().as_secs_f64() * 1_000.0;
    match answer {
        Err(IdentityError::InvalidCredentials) => Ok(took),
        Err(error) => Err(error.into()),
        Ok(_) => bail!("a wrong password was let in"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(shift: f64) -> Vec<f64> {
        (0..1_000)
            .map(|n| f64::from(n) / 100.0 - 5.0 + shift)
            .collect()
    }

    #[test]
    fn a_difference_is_judged_by_its_interval() {
        let holds = |shift| judged(samples(shift), vec![250.0]).unwrap().holds;
        assert_eq!(holds(0.0), Some(true));
        assert_eq!(holds(5.0), Some(false));
        assert_eq!(holds(-5.0), Some(false));
        assert_eq!(holds(2.0), None);
    }

    #[test]
    fn the_interval_holds_the_median_and_is_narrow() {
        let [low, high] = interval(&samples(0.0)).unwrap();
        assert!(low < 0.0 && high > 0.0 && high - low < 1.0, "{low} {high}");
    }
}
