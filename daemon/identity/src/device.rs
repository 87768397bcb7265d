//! The device that a session comes from, as far as its browser says: what a person needs to tell
//! their own sessions from a stranger's. Nothing is decided by it.

use std::net::IpAddr;

use kernel::{Secret, UserId};
use serde::{Deserialize, Serialize};

use crate::{attempts::network, email::keyed_hash, error::IdentityError};

/// Browser and system by their families. A program names itself: `revkeep-cli`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub browser: String,
    pub system: String,
}

/// What is sealed with a session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) address: String,
    pub(crate) user_agent: String,
}

const OTHER: &str = "unknown";

/// The first mark that occurs names the family. Order matters: Edge and Opera say Chrome, Chrome
/// says Safari, Android says Linux.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("revkeep-cli", "revkeep-cli"),
];
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

/// Reads a User-Agent header; `None` when it tells nothing.
pub(crate) fn device(user_agent: &str) -> Option<Device> {
    let family = |families: &[(&str, &'static str)]| {
        families
            .iter()
            .find(|(mark, _)| user_agent.contains(mark))
            .map(|(_, family)| (*family).to_owned())
    };
    let (browser, system) = (family(&BROWSERS), family(&SYSTEMS));
    if browser.is_none() && system.is_none() {
        return None;
    }
    Some(Device {
        browser: browser.unwrap_or_else(|| OTHER.to_owned()),
        system: system.unwrap_or_else(|| OTHER.to_owned()),
    })
}

/// What makes two sign-ins of a person the same device: families and network, not versions, so that
/// an update is no news.
pub(crate) fn device_hash(
    key: &Secret<Vec<u8>>,
    user: UserId,
    address: IpAddr,
    user_agent: &str,
) -> Result<Vec<u8>, IdentityError> {
    let (browser, system) = device(user_agent).map_or((String::new(), String::new()), |device| {
        (device.browser, device.system)
    });
    keyed_hash(
        key,
        &[
            b"device",
            user.uuid().as_bytes(),
            browser.as_bytes(),
            system.as_bytes(),
            &network(address),
        ],
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

    #[test]
    fn a_browser_is_named_by_its_family() {
        let read = |text| device(text).map(|found| format!("{} {}", found.browser, found.system));
        assert_eq!(read(FIREFOX).as_deref(), Some("Firefox Linux"));
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
        assert_eq!(read(edge).as_deref(), Some("Edge Windows"));
        let phone = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36";
        assert_eq!(read(phone).as_deref(), Some("Chrome Android"));
        let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15";
        assert_eq!(read(safari).as_deref(), Some("Safari macOS"));
        assert_eq!(
            read("revkeep-cli/1.0 (Linux)").as_deref(),
            Some("revkeep-cli Linux")
        );
        assert_eq!(read("canary-agent/1.0"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn an_update_is_the_same_device_and_another_network_is_not() {
        let key = Secret::new(vec![1; 32]);
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let hash = |user, address: &str, agent: &str| {
            device_hash(&key, user, address.parse().unwrap(), agent).unwrap()
        };
        let known = hash(user, "2001:db8::1", FIREFOX);
        assert_eq!(
            known,
            hash(user, "2001:db8::2", &FIREFOX.replace("140.0", "141.0"))
        );
        assert_ne!(known, hash(user, "2001:db8:0:1::1", FIREFOX));
        assert_ne!(known, hash(user, "2001:db8::1", "curl/8"));
        let other = UserId::from_uuid(Uuid::from_u128(2));
        assert_ne!(known, hash(other, "2001:db8::1", FIREFOX));
    }
}
