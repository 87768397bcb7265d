//! Codes of an authenticator app: RFC 6238 over HMAC-SHA1, 6 digits, steps of 30 s (what every app
//! understands), and how an app is given the secret.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use kernel::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcodegen::{QrCode, QrCodeEcc};
use sha1::Sha1;

use crate::error::IdentityError;

/// RFC 4226 section 4, R6: at least 128 bits, 160 recommended.
pub(crate) const SECRET_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const ISSUER: &str = "Revkeep";
/// White around a QR code, in modules (ISO/IEC 18004 asks for four).
const QUIET: i32 = 4;

/// The step that `now` falls into.
fn step_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(STEP_SECONDS)
}

/// The newest step whose code is accepted.
pub(crate) fn newest_step(now: DateTime<Utc>) -> i64 {
    step_at(now) + 1
}

/// Steps whose code `typed` is, of those that are accepted now: this one, and one to either side for
/// clocks that differ (RFC 6238 section 5.2). Every accepted step is compared, whatever came before.
pub(crate) fn matching_steps(
    secret: &Secret<Vec<u8>>,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<Vec<i64>, IdentityError> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let current = step_at(now);
    let mut matching = Vec::new();
    for step in current - 1..=newest_step(now) {
        let code = code(secret.expose(), step)?;
        if typed.len() == code.len() && openssl::memcmp::eq(typed.as_bytes(), code.as_bytes()) {
            matching.push(step);
        }
    }
    Ok(matching)
}

/// RFC 4226 section 5.3 with the step as its counter.
fn code(secret: &[u8], step: i64) -> Result<String, IdentityError> {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret).map_err(|_| IdentityError::Crypto("HMAC key"))?;
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = hash.last().map_or(0, |last| usize::from(last & 0xf));
    let word = hash
        .get(offset..offset + 4)
        .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok())
        .ok_or(IdentityError::Crypto("HMAC length"))?;
    let number = (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000;
    Ok(format!("{number:0DIGITS$}"))
}

/// RFC 4648 section 6, without padding: the form in which apps take a secret.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0_u8; 8];
        for (to, from) in block.iter_mut().skip(3).zip(chunk) {
            *to = *from;
        }
        let bits = u64::from_be_bytes(block);
        let letters = (chunk.len() * 8).div_ceil(5);
        for letter in 0..letters {
            let index = usize::try_from(bits >> (35 - 5 * letter) & 31).unwrap_or_default();
            text.extend(ALPHABET.get(index).map(|letter| char::from(*letter)));
        }
    }
    text
}

/// The address that apps read (the `otpauth` key URI format).
pub(crate) fn otpauth_url(secret: &str, account: &str) -> String {
    let account = utf8_percent_encode(account, NON_ALPHANUMERIC);
    format!(
        "otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    )
}

/// `text` as a QR code: an SVG of black squares on white, without script or style.
pub(crate) fn qr_svg(text: &str) -> Result<String, IdentityError> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|_| IdentityError::Crypto("a QR code"))?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                path.push_str(&format!("M{},{}h1v1h-1z", x + QUIET, y + QUIET));
            }
        }
    }
    let side = code.size() + 2 * QUIET;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1: the last six of the eight digits there.
    #[test]
    fn the_vectors_of_the_rfc() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(
                code(b"12345678901234567890", seconds / 30).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn one_step_to_either_side_is_accepted_and_no_further_one() {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        let step = 1_800_000_000 / 30;
        let typed = code(secret.expose(), step).unwrap();
        for (offset, accepted) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let now = DateTime::from_timestamp((step + offset) * 30 + 29, 0).unwrap();
            let found = matching_steps(&secret, &typed, now).unwrap();
            assert_eq!(
                found,
                if accepted { vec![step] } else { vec![] },
                "{offset}"
            );
        }
        let now = DateTime::from_timestamp(step * 30, 0).unwrap();
        let spaced = format!("{} {}", &typed[..3], &typed[3..]);
        assert_eq!(
            matching_steps(&secret, &spaced, now).unwrap(),
            [step],
            "as apps show it"
        );
        for wrong in ["", "000000000000", "１２３４５６", &typed[..5]] {
            assert!(matching_steps(&secret, wrong, now).unwrap().is_empty());
        }
    }

    /// An independent implementation, OATH Toolkit, over a hundred steps of each of two secrets.
    #[test]
    fn oathtool_makes_the_same_codes() {
        for (secret, from) in [
            (b"12345678901234567890".as_slice(), 1_800_000_000_i64),
            (
                b"\x00\xff\x10\x80abcdefghijklmnop".as_slice(),
                1_234_567_890,
            ),
        ] {
            let run = std::process::Command::new("oathtool")
                .args(["--totp", "--base32", "--window=99"])
                .arg(format!("--now=@{from}"))
                .arg(base32(secret))
                .output()
                .expect("oathtool is missing; ./dev setup installs it");
            let theirs = String::from_utf8(run.stdout).unwrap();
            let ours: Vec<String> = (0..100)
                .map(|offset| code(secret, from / 30 + offset).unwrap())
                .collect();
            assert_eq!(theirs.lines().collect::<Vec<_>>(), ours);
        }
    }

    /// RFC 4648 section 10.
    #[test]
    fn base32_is_as_in_its_rfc() {
        for (clear, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(clear.as_bytes()), text);
        }
    }

    #[test]
    fn an_account_cannot_add_parameters() {
        let url = otpauth_url("ABC", "a&secret=EVIL?#/@x");
        assert_eq!(url.matches("secret=").count(), 1, "{url}");
        assert!(url.starts_with("otpauth://totp/Revkeep:a%26secret%3DEVIL"));
        let svg = qr_svg(&url).unwrap();
        assert!(svg.starts_with("<svg") && !svg.contains("script"));
    }
}
