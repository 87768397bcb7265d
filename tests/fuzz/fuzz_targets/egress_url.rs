//! Any text as the address of a webhook: what the guard lets pass is https, names no user, has one
//! writing, and leads nowhere inside by the judgement of a reader that shares nothing with it.

#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(url) = egress::check_public_url(text) else {
        return;
    };
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none());
    assert_ne!(url.port(), Some(0));
    assert_eq!(
        egress::check_public_url(url.as_str()).as_ref().ok(),
        Some(&url)
    );
    let host = url.host_str().expect("what passes has a host");
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner
            .trim_end_matches(']')
            .parse()
            .expect("IPv6 in brackets");
        assert!(public_v6(address), "{address}");
    } else if let Some(address) = aton(host) {
        assert!(public_v4(address), "{host} is {address}");
    } else {
        assert!(host.contains('.') && !host.ends_with('.'), "{host}");
        let last = host.rsplit('.').next().unwrap_or_default();
        assert!(
            !["localhost", "local", "internal", "lan"].contains(&last),
            "{host}"
        );
        assert!(
            host.bytes()
                .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
        );
    }
});

/// As inet_aton(3) reads an address: one to four numbers, decimal, octal or hexadecimal.
fn aton(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let room = 8 * (4 - first.len());
    if *last >= 1_u64 << room {
        return None;
    }
    let high = first
        .iter()
        .enumerate()
        .map(|(place, part)| part << (24 - 8 * place))
        .sum::<u64>();
    u32::try_from(high + last).ok().map(Ipv4Addr::from_bits)
}

fn number(text: &str) -> Option<u64> {
    let (digits, base) = match text.as_bytes() {
        [] => return None,
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, base).ok()
}

fn public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || (a == 100 && b & 0xc0 == 64))
}

fn public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return public_v4(mapped);
    }
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
        return public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    }
    address.segments()[0] & 0xe000 == 0x2000 && address.segments()[0] != 0x2002
}
