//! An authenticator app: the codes of RFC 6238 (HMAC-SHA1, 6 digits, steps of 30 s), and a page that
//! shows the current one, so that nobody needs a phone to try the demo.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

const STEP_SECONDS: i64 = 30;
/// How often the page loads itself again.
const REFRESH_SECONDS: u8 = 2;

/// The secret that an app was given.
#[derive(Clone, Debug)]
pub struct Authenticator {
    secret: Vec<u8>,
}

impl Authenticator {
    /// `secret` as a person types it: base32 (RFC 4648 section 6), without padding.
    ///
    /// # Errors
    /// A letter that base32 does not have.
    pub fn new(secret: &str) -> anyhow::Result<Self> {
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
        for letter in secret.bytes() {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'2'..=b'7' => letter - b'2' + 26,
                _ => anyhow::bail!("no letter of base32 in an authenticator's secret"),
            };
            bits = bits << 5 | u32::from(value);
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff)?);
                bits &= (1 << held) - 1;
            }
        }
        Ok(Self { secret: bytes })
    }

    /// The step that a moment (seconds since 1970) falls into.
    pub fn step(seconds: i64) -> i64 {
        seconds.div_euclid(STEP_SECONDS)
    }

    /// The code of a step.
    pub fn code(&self, step: i64) -> String {
        let mac = Hmac::<Sha1>::new_from_slice(&self.secret);
        let hash = mac.map_or_else(
            |_| Vec::new(),
            |mac| {
                mac.chain_update(step.to_be_bytes())
                    .finalize()
                    .into_bytes()
                    .to_vec()
            },
        );
        let offset = hash.last().map_or(0, |last| usize::from(last & 15));
        let word = hash.iter().skip(offset).take(4);
        let number = word.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }

    /// The page at a moment, for the account `name`.
    pub(crate) fn page(&self, name: &str, seconds: i64) -> String {
        let code = self.code(Self::step(seconds));
        let (first, last) = code.split_at(3);
        let left = STEP_SECONDS - seconds.rem_euclid(STEP_SECONDS);
        page(&format!(
            "<p>{name}</p><p class=\"code\">{first} {last}</p><p>for {left} more seconds. Each code is good once.</p>"
        ))
    }
}

/// The page while no secret was given to it.
pub(crate) fn empty_page() -> String {
    page("<p>No account has been added yet.</p>")
}

fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\"><title>Authenticator</title>\
         <style>body{{font:16px system-ui,sans-serif;text-align:center;margin:4rem 1rem}}\
         .code{{font-size:3rem;font-variant-numeric:tabular-nums;margin:1rem}}</style></head>\
         <body><h1>Authenticator</h1>{body}</body></html>"
    )
}

#[cfg(test)]
mod tests {
    use super::Authenticator;

    /// RFC 6238 appendix B.
    #[test]
    fn the_vectors_of_the_rfc() {
        let app = Authenticator::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        for (seconds, code) in [(59, "287082"), (1_234_567_890, "005924")] {
            assert_eq!(app.code(Authenticator::step(seconds)), code);
        }
        assert!(app.page("ada", 59).contains("287 082"));
        assert!(Authenticator::new("a0").is_err());
    }
}
