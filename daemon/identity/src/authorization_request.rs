//! What a program asks for in the address that it opens, and whether it may be put before a person (RFC
//! 6749 section 4.1.1, RFC 7636, RFC 8252).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::IdentityError;

const MOST_STATE: usize = 500;
/// The text of a SHA-256 in base64url (RFC 7636 section 4.2).
const CHALLENGE: usize = 43;

/// A program of ours. It is public: what it is, nobody can prove, so a code goes to the person's own
/// machine alone.
pub(crate) struct Program {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Of its address on the loopback interface; the port is the program's to choose (RFC 8252 section 7.3).
    path: &'static str,
}

const PROGRAMS: [Program; 2] = [
    Program {
        id: "revkeep-cli",
        name: "Revkeep command line",
        path: "/callback",
    },
    Program {
        id: "revkeep-mobile",
        name: "Revkeep mobile app",
        path: "/callback",
    },
];

/// What a program asks for, as it stands in the address that it opens.
#[derive(Clone, Debug, Default)]
pub struct AuthorizationRequest {
    pub client_id: String,
    pub redirect_uri: String,
    pub response_type: String,
    pub code_challenge: String,
    pub code_challenge_method: String,
    pub state: String,
}

impl AuthorizationRequest {
    /// The program, if the request is one that may be put before a person.
    pub(crate) fn check(&self) -> Result<&'static Program, IdentityError> {
        let refused = |field, code| Err(IdentityError::input(field, code));
        let Some(program) = program_by_id(&self.client_id) else {
            return refused("client_id", "client_unknown");
        };
        if !is_own_address(&self.redirect_uri, program) {
            return refused("redirect_uri", "redirect_not_own");
        }
        if self.response_type != "code" {
            return refused("response_type", "response_not_code");
        }
        check_challenge(&self.code_challenge_method, &self.code_challenge)?;
        let sound = (1..=MOST_STATE).contains(&self.state.len())
            && self.state.bytes().all(|byte| byte.is_ascii_graphic());
        if !sound {
            return refused("state", "state_invalid");
        }
        Ok(program)
    }

    /// Where the browser goes with the answer. The issuer stands in it (RFC 9207).
    pub(crate) fn answer(&self, (name, value): (&str, &str), issuer: &str) -> String {
        onward(&self.redirect_uri, (name, value), &self.state, issuer)
    }
}

/// A code is bound to whoever has the verifier, by its hash and in no other way.
pub(crate) fn check_challenge(method: &str, challenge: &str) -> Result<(), IdentityError> {
    let refused = |field, code| Err(IdentityError::input(field, code));
    if method != "S256" {
        return refused("code_challenge_method", "challenge_not_s256");
    }
    if challenge.len() != CHALLENGE || !challenge.bytes().all(is_base64url) {
        return refused("code_challenge", "challenge_invalid");
    }
    Ok(())
}

/// The address with an answer in it, for whoever sent this state, if any.
pub(crate) fn onward(
    redirect_uri: &str,
    (name, value): (&str, &str),
    state: &str,
    issuer: &str,
) -> String {
    let text = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let state = match state {
        "" => String::new(),
        state => format!("&state={}", text(state)),
    };
    format!(
        "{redirect_uri}?{name}={}{state}&iss={}",
        text(value),
        text(issuer)
    )
}

/// Whether it is the id of a program that can have sessions.
pub fn is_program(id: &str) -> bool {
    program_by_id(id).is_some()
}

fn program_by_id(id: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.id == id)
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// `http://127.0.0.1:PORT` or `http://[::1]:PORT` with the program's path and nothing after it, letter by
/// letter: an address that is not parsed is not parsed differently by a browser. `localhost` is left out,
/// because a name can be made to lead elsewhere (RFC 8252 section 8.3).
fn is_own_address(address: &str, program: &Program) -> bool {
    let rest = ["http://127.0.0.1:", "http://[::1]:"]
        .iter()
        .find_map(|start| address.strip_prefix(start));
    let Some(port) = rest.and_then(|rest| rest.strip_suffix(program.path)) else {
        return false;
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    digits && port.parse::<u16>().is_ok()
}

/// RFC 7636 section 4.1.
pub(crate) fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| is_base64url(byte) || matches!(byte, b'.' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use kernel::Secret;

    use super::*;
    use crate::sso::browser::challenge;

    #[test]
    fn a_program_is_reached_on_its_own_machine_and_at_its_own_path_alone() {
        let own = |address: &str| is_own_address(address, &PROGRAMS[0]);
        assert!(own("http://127.0.0.1:49152/callback"));
        assert!(own("http://[::1]:1/callback"));
        for address in [
            "",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:49152",
            "http://127.0.0.1:49152/",
            "http://127.0.0.1:49152/callback/",
            "http://127.0.0.1:49152/callback/x",
            "http://127.0.0.1:49152/callback?x=1",
            "http://127.0.0.1:49152/callback#x",
            "http://127.0.0.1:49152/x/../callback",
            "http://127.0.0.1:49152/Callback",
            "http://127.0.0.1:49152@evil.example/callback",
            "http://127.0.0.1:1@evil.example:1/callback",
            "http://127.0.0.1.evil.example:1/callback",
            "http://127.0.0.2:49152/callback",
            "http://0x7f000001:49152/callback",
            "http://localhost:49152/callback",
            "http://[::ffff:127.0.0.1]:1/callback",
            "https://127.0.0.1:49152/callback",
            "HTTP://127.0.0.1:49152/callback",
            " http://127.0.0.1:49152/callback",
            "http://127.0.0.1:+1/callback",
            "https://evil.example/callback",
            "revkeep:/callback",
        ] {
            assert!(!own(address), "{address}");
        }
    }

    #[test]
    fn an_answer_carries_state_and_issuer_and_nothing_breaks_out_of_it() {
        let request = AuthorizationRequest {
            redirect_uri: String::from("http://127.0.0.1:1/callback"),
            state: String::from("a&code=x#\"<"),
            ..AuthorizationRequest::default()
        };
        assert_eq!(
            request.answer(("code", "c-_"), "https://revkeep.example"),
            "http://127.0.0.1:1/callback?code=c%2D%5F&state=a%26code%3Dx%23%22%3C&iss=https%3A%2F%2Frevkeep%2Eexample"
        );
    }

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_verifier_is_the_standards() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(is_verifier(verifier));
        assert_eq!(
            challenge(&Secret::new(verifier.to_owned())),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        for wrong in ["", &"a".repeat(42), &"a".repeat(129), &"ä".repeat(43)] {
            assert!(!is_verifier(wrong), "{wrong}");
        }
    }
}
