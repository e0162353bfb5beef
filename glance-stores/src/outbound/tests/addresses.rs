//! Addresses held against the special-purpose address registries of IANA.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::super::{Class, Network, class_of};

/// Each row of both registries (RFC 6890, as of 2025) that is not globally reachable, and what other
/// registries set aside (multicast: RFC 5771 and RFC 4291; site-local: RFC 3879).
const SPECIAL: &[(&str, Class)] = &[
    ("0.0.0.0/8", Class::Unspecified),
    ("10.0.0.0/8", Class::PrivateUse),
    ("100.64.0.0/10", Class::Shared),
    ("127.0.0.0/8", Class::Loopback),
    ("169.254.0.0/16", Class::LinkLocal),
    ("172.16.0.0/12", Class::PrivateUse),
    ("192.0.0.0/24", Class::Reserved),
    ("192.0.2.0/24", Class::Documentation),
    ("192.88.99.0/24", Class::Reserved),
    ("192.168.0.0/16", Class::PrivateUse),
    ("198.18.0.0/15", Class::Benchmarking),
    ("198.51.100.0/24", Class::Documentation),
    ("203.0.113.0/24", Class::Documentation),
    ("224.0.0.0/4", Class::Multicast),
    ("240.0.0.0/4", Class::Reserved),
    ("255.255.255.255/32", Class::Broadcast),
    ("::/128", Class::Unspecified),
    ("::1/128", Class::Loopback),
    ("64:ff9b:1::/48", Class::Tunnel),
    ("100::/64", Class::Reserved),
    ("100:0:0:1::/64", Class::Reserved),
    ("2001::/32", Class::Tunnel),
    ("2001:2::/48", Class::Benchmarking),
    ("2001:10::/28", Class::Reserved),
    ("2001:db8::/32", Class::Documentation),
    ("2002::/16", Class::Tunnel),
    ("3fff::/20", Class::Documentation),
    ("5f00::/16", Class::Reserved),
    ("fc00::/7", Class::UniqueLocal),
    ("fe80::/10", Class::LinkLocal),
    ("fec0::/10", Class::SiteLocal),
    ("ff00::/8", Class::Multicast),
];

/// Rows that are globally reachable, and refused all the same: no web server is there.
const NO_SERVERS: &[&str] =
    &["192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", "2001::/23", "2620:4f:8000::/48", "168.63.129.16"];

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

fn is_listed(address: IpAddr) -> bool {
    let rows = SPECIAL.iter().map(|(range, _)| *range).chain(NO_SERVERS.iter().copied());
    rows.map(network).any(|row| row.contains(address))
}

/// An address in a range, its free bits taken from `bits`.
fn inside(range: &str, bits: u128) -> IpAddr {
    let (base, prefix) = range.split_once('/').unwrap();
    let prefix: u32 = prefix.parse().unwrap();
    match base.parse().unwrap() {
        IpAddr::V4(base) => {
            let free = u32::MAX.checked_shr(prefix).unwrap_or(0);
            Ipv4Addr::from_bits(base.to_bits() | (u32::try_from(bits & u128::from(u32::MAX)).unwrap() & free)).into()
        }
        IpAddr::V6(base) => {
            let free = u128::MAX.checked_shr(prefix).unwrap_or(0);
            Ipv6Addr::from_bits(base.to_bits() | (bits & free)).into()
        }
    }
}

/// Whether an address is one of those that more than one row speaks of.
fn is_contested(class: Class) -> bool {
    matches!(class, Class::Metadata | Class::Broadcast)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_address_of_a_special_range_has_its_class(row in 0..SPECIAL.len(), bits: u128) {
        let (range, class) = SPECIAL[row];
        let address = inside(range, bits);
        let found = class_of(address);
        prop_assert!(found == Some(class) || found.is_some_and(is_contested), "{} in {}: {:?}", address, range, found);
    }

    #[test]
    fn an_ipv4_address_is_special_if_and_only_if_a_row_has_it(bits: u32) {
        let address = IpAddr::V4(Ipv4Addr::from_bits(bits));
        prop_assert_eq!(class_of(address).is_some(), is_listed(address), "{}", address);
    }

    #[test]
    fn an_ipv6_address_is_ordinary_only_where_addresses_have_been_given_out(bits: u128, global: bool) {
        // Half of them where ordinary ones are.
        let bits = if global { bits >> 3 | 1 << 125 } else { bits };
        let address = Ipv6Addr::from_bits(bits);
        let special = !network("2000::/3").contains(address.into()) || is_listed(address.into());
        let carries = matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, ..]);
        prop_assert!(carries || class_of(address.into()).is_some() == special, "{}", address);
    }

    #[test]
    fn an_embedded_address_is_never_better_than_itself(bits: u32, seed: u128) {
        let inner = Ipv4Addr::from_bits(bits);
        let low = u128::from(bits);
        let same = [low | 0xffff << 32, low | 0x0064_ff9b << 96];
        for written in same {
            prop_assert_eq!(class_of(Ipv6Addr::from_bits(written).into()), class_of(inner.into()));
        }
        let isatap = (seed & (u128::MAX << 64)) | 0x5efe << 32 | low;
        for identifier in [isatap, isatap | 0x200 << 48] {
            let class = class_of(Ipv6Addr::from_bits(identifier).into());
            prop_assert!(class.is_some() || class_of(inner.into()).is_none());
        }
        for tunnel in [low, low | 0xffff << 48, 0x2002 << 112 | low << 80, 0x2001 << 112 | low << 64, 0x2001 << 112 | u128::from(!bits)] {
            prop_assert!(class_of(Ipv6Addr::from_bits(tunnel).into()).is_some());
        }
    }
}

#[test]
fn metadata_services_have_a_class_of_their_own() {
    for address in ["169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "::ffff:169.254.169.254"] {
        assert_eq!(class_of(address.parse().unwrap()), Some(Class::Metadata), "{address}");
    }
}

#[test]
fn ordinary_addresses_are_ordinary() {
    for address in [
        "1.1.1.1",
        "93.184.216.34",
        "172.32.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "64:ff9b::1.1.1.1",
        "2a00::5efe:101:101",
    ] {
        assert_eq!(class_of(address.parse().unwrap()), None, "{address}");
    }
}
