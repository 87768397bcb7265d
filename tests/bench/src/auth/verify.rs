//! Access tokens checked, one after another on one core: signature, claims and the session's standing,
//! which is in memory. The floor is OpenSSL's check of one such signature alone.

use anyhow::{Result, ensure};
use identity::SigningAlgorithm;
use openssl::{
    hash::MessageDigest,
    pkey::{PKey, Private},
    rsa::{Padding, Rsa},
    sign::{Signer, Verifier},
};

use crate::{
    core_time::on_core,
    person::{Person, caller},
    report::{self, Figure, Limit},
};

const BAR: f64 = 20_000.0;
/// The rate is told, and nothing more is asked.
const REPORTED: f64 = 0.0;
/// Bits of the product's own RSA keys.
const OURS: u32 = 3072;
const TOKENS: u32 = 10_000;
/// As long as what is signed of an access token.
const SIGNED: [u8; 420] = [b'x'; 420];

pub(crate) async fn measure(rounds: usize) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (algorithm, bits, name, bar) in [
        (
            SigningAlgorithm::RS256,
            Some(2048),
            "verify_rs256_2048",
            BAR,
        ),
        (SigningAlgorithm::RS256, None, "verify_rs256", REPORTED),
        (SigningAlgorithm::PS256, None, "verify_ps256", REPORTED),
        (SigningAlgorithm::EdDSA, None, "verify_eddsa", REPORTED),
    ] {
        let person = Person::with(|config| config.signing_algorithm = algorithm).await?;
        if let Some(bits) = bits {
            person.sign_with_rsa(bits).await?;
        }
        let key = Floor::new(algorithm, bits.unwrap_or(OURS))?;
        let (mut rates, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=rounds {
            let (rate, floor) = (ours(&person).await?, key.rate()?);
            report::progress(&format!(
                "{name} {round}/{rounds}: {rate:.0} tokens/s, floor {floor:.0}"
            ));
            rates.push(rate);
            floors.push(floor);
            ratios.push(floor / rate);
        }
        figures.extend(figure(name, bar, rates, floors, ratios));
    }
    Ok(figures)
}

async fn ours(person: &Person) -> Result<f64> {
    let (grant, from) = (person.session().await?, caller()?);
    let start = on_core()?;
    for _ in 0..TOKENS {
        let token = &grant.access_token;
        person.identity.authenticate(token, &from).await?;
    }
    Ok(f64::from(TOKENS) / on_core()?.saturating_sub(start).as_secs_f64())
}

fn figure(
    name: &'static str,
    bar: f64,
    mut rates: Vec<f64>,
    mut floors: Vec<f64>,
    mut ratios: Vec<f64>,
) -> Option<Figure> {
    let rounds = rates.len();
    let (value, interval) = report::median(&mut rates)?;
    let (ratio, ratio_interval) = report::median(&mut ratios)?;
    let figure = Figure {
        value,
        interval,
        floor: report::median(&mut floors)?.0,
        ratio,
        ratio_interval,
        ..Figure::new("auth", name, "tokens/s", rounds)
    };
    Some(figure.bounded(Limit::AtLeast(bar)))
}

struct Floor {
    algorithm: SigningAlgorithm,
    key: PKey<Private>,
    signature: Vec<u8>,
}

impl Floor {
    fn new(algorithm: SigningAlgorithm, bits: u32) -> Result<Self> {
        let key = match algorithm {
            SigningAlgorithm::EdDSA => PKey::generate_ed25519()?,
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
                PKey::from_rsa(Rsa::generate(bits)?)?
            }
        };
        let mut signer = match algorithm {
            SigningAlgorithm::EdDSA => Signer::new_without_digest(&key)?,
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
                Signer::new(MessageDigest::sha256(), &key)?
            }
        };
        if algorithm == SigningAlgorithm::PS256 {
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
        }
        let signature = signer.sign_oneshot_to_vec(&SIGNED)?;
        drop(signer);
        Ok(Self {
            algorithm,
            key,
            signature,
        })
    }

    fn rate(&self) -> Result<f64> {
        let start = on_core()?;
        for _ in 0..TOKENS {
            let mut verifier = match self.algorithm {
                SigningAlgorithm::EdDSA => Verifier::new_without_digest(&self.key)?,
                SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => {
                    Verifier::new(MessageDigest::sha256(), &self.key)?
                }
            };
            if self.algorithm == SigningAlgorithm::PS256 {
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            }
            ensure!(verifier.verify_oneshot(&self.signature, &SIGNED)?);
        }
        Ok(f64::from(TOKENS) / on_core()?.saturating_sub(start).as_secs_f64())
    }
}
