//! What an IP address is: public, private, or one that is never contacted. After the IANA
//! special-purpose registries (RFC 6890 and successors). Whatever is not known to be public is not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Public,
    /// Reachable only as a declared endpoint.
    Private(&'static str),
    /// Cloud metadata and the link-local ranges that it lives in: contacted by no configuration.
    Never(&'static str),
}

const METADATA: &str = "it is a cloud metadata address";
const LINK_LOCAL: &str = "its address is link-local, where cloud metadata lives";

/// Metadata services outside the link-local ranges: Azure's wire server, Alibaba, Oracle.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// AWS: fd00:ec2::/32 holds all of its instance services. Google: fd20:ce::254.
const METADATA_V6: [(Ipv6Addr, u32); 2] = [
    (Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254), 128),
];

type Range4 = (Ipv4Addr, u32, &'static str);
type Range6 = (Ipv6Addr, u32, &'static str);

const PRIVATE_V4: [Range4; 14] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "its address means this host"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "its address is private"),
    (
        Ipv4Addr::new(100, 64, 0, 0),
        10,
        "its address is shared (carrier-grade NAT)",
    ),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "its address is loopback"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "its address is private"),
    (
        Ipv4Addr::new(192, 0, 0, 0),
        24,
        "its address is reserved for protocols",
    ),
    (
        Ipv4Addr::new(192, 0, 2, 0),
        24,
        "its address is for documentation",
    ),
    (
        Ipv4Addr::new(192, 88, 99, 0),
        24,
        "its address is a retired 6to4 relay",
    ),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "its address is private"),
    (
        Ipv4Addr::new(198, 18, 0, 0),
        15,
        "its address is for benchmarks",
    ),
    (
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        "its address is for documentation",
    ),
    (
        Ipv4Addr::new(203, 0, 113, 0),
        24,
        "its address is for documentation",
    ),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "its address is multicast"),
    (
        Ipv4Addr::new(240, 0, 0, 0),
        4,
        "its address is reserved or broadcast",
    ),
];

/// Inside 2000::/3, the only range that is public at all.
const PRIVATE_V6: [Range6; 4] = [
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        "its address is reserved for protocols",
    ),
    (
        Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0),
        32,
        "its address is for documentation",
    ),
    (
        Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0),
        16,
        "its address is a 6to4 tunnel",
    ),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        "its address is for documentation",
    ),
];
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const LINK_LOCAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);
/// RFC 6052: the last 32 bits are an IPv4 address, and that is where the packet ends up.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
/// RFC 8215: a site's own translation, which may put the IPv4 address in the same place.
const NAT64_OWN: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48);
/// RFC 3056: the 32 bits after the first 16.
const SIX_TO_FOUR: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16);
/// RFC 4380: the client's address stands inverted in the last 32 bits.
const TEREDO: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32);
/// RFC 4291 section 2.5.5.1, deprecated: nothing before the last 32 bits.
const COMPATIBLE: (Ipv6Addr, u32) = (Ipv6Addr::UNSPECIFIED, 96);

pub(crate) fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    if METADATA_V4.contains(&address) {
        return Class::Never(METADATA);
    }
    if address.is_link_local() {
        return Class::Never(LINK_LOCAL);
    }
    PRIVATE_V4
        .iter()
        .find(|(network, bits, _)| in_v4(address, *network, *bits))
        .map_or(Class::Public, |(_, _, why)| Class::Private(why))
}

fn class_v6(address: Ipv6Addr) -> Class {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return class_v4(mapped);
    }
    if in_v6(address, NAT64.0, NAT64.1) {
        return class_v4(last_32_bits(address));
    }
    if METADATA_V6
        .iter()
        .any(|(network, bits)| in_v6(address, *network, *bits))
    {
        return Class::Never(METADATA);
    }
    match tunnelled(address).map(class_v4) {
        Some(Class::Never(why)) => return Class::Never(why),
        Some(Class::Private(why)) if in_v6(address, GLOBAL_V6.0, GLOBAL_V6.1) => {
            return Class::Private(why);
        }
        _ => {}
    }
    if in_v6(address, LINK_LOCAL_V6.0, LINK_LOCAL_V6.1) {
        return Class::Never(LINK_LOCAL);
    }
    if !in_v6(address, GLOBAL_V6.0, GLOBAL_V6.1) {
        return Class::Private("its address is loopback, local, multicast or reserved");
    }
    PRIVATE_V6
        .iter()
        .find(|(network, bits, _)| in_v6(address, *network, *bits))
        .map_or(Class::Public, |(_, _, why)| Class::Private(why))
}

/// The IPv4 address that a tunnel would deliver to.
fn tunnelled(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, _, a, b, c, d, ..] = address.octets();
    let [_, _, _, _, high, isatap, _, _] = address.segments();
    if in_v6(address, SIX_TO_FOUR.0, SIX_TO_FOUR.1) {
        Some(Ipv4Addr::new(a, b, c, d))
    } else if in_v6(address, TEREDO.0, TEREDO.1) {
        Some(Ipv4Addr::from_bits(!last_32_bits(address).to_bits()))
    } else if in_v6(address, NAT64_OWN.0, NAT64_OWN.1)
        || in_v6(address, COMPATIBLE.0, COMPATIBLE.1)
        // ISATAP (RFC 5214) has a prefix of any network.
        || (matches!(high, 0 | 0x0200) && isatap == 0x5efe)
    {
        Some(last_32_bits(address))
    } else {
        None
    }
}

fn last_32_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

const fn in_v4(address: Ipv4Addr, network: Ipv4Addr, bits: u32) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0
}

const fn in_v6(address: Ipv6Addr, network: Ipv6Addr, bits: u32) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Class {
        class(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "64:ff9b::1.1.1.1",
            "::ffff:1.1.1.1",
            "2606:4700::5efe:1.1.1.1",
        ] {
            assert_eq!(of(text), Class::Public, "{text}");
        }
    }

    #[test]
    fn inner_addresses_are_private_in_every_dress() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.1.2.3",
            "64:ff9b:1::1",
            "100::1",
            "fc00::1",
            "fd12:3456::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2001:10::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:7f00:1",
        ] {
            assert!(
                matches!(of(text), Class::Private(_)),
                "{text}: {:?}",
                of(text)
            );
        }
    }

    #[test]
    fn metadata_is_never_reached_in_any_dress() {
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.0.1",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "fe80::1",
            "fe80::a9fe:a9fe",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "2001:0:4136:e378:8000:63bf:5601:5601",
            "2606:4700::5efe:169.254.169.254",
            "fd12:3456::200:5efe:a9fe:a9fe",
        ] {
            assert!(
                matches!(of(text), Class::Never(_)),
                "{text}: {:?}",
                of(text)
            );
        }
    }
}
