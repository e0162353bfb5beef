//! What kind of address an IP address is: pure, and without exceptions for anybody.
//!
//! After the special-purpose address registries of IANA. What they call globally reachable and no
//! host on the web has (protocol assignments, relays) counts as reserved.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is none of an ordinary host on the Internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// This machine: `127.0.0.0/8`, `::1`.
    Loopback,
    /// A network of its own: `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`.
    PrivateUse,
    /// The same in IPv6: `fc00::/7`.
    UniqueLocal,
    /// One wire: `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// What IPv6 had before [`Class::UniqueLocal`]: `fec0::/10`.
    SiteLocal,
    /// Between a provider and its customers: `100.64.0.0/10`.
    Shared,
    /// No address, which systems take for themselves: `0.0.0.0/8`, `::`.
    Unspecified,
    /// Many at once: `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// All on the wire: `255.255.255.255`.
    Broadcast,
    /// Examples in texts.
    Documentation,
    /// Measurements.
    Benchmarking,
    /// Where a cloud tells a machine its secrets.
    Metadata,
    /// IPv4 carried in IPv6 by a mechanism that nobody offers a web server behind: 6to4, Teredo,
    /// IPv4-compatible, IPv4-translated, local NAT64.
    Tunnel,
    /// Set aside for something else.
    Reserved,
    /// An address of this machine, whatever network it is in.
    Own,
}

impl Class {
    /// Whether it is the address of a network that somebody runs for themselves.
    #[must_use]
    pub fn is_private(self) -> bool {
        matches!(self, Self::PrivateUse | Self::UniqueLocal)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::PrivateUse => "private-use",
            Self::UniqueLocal => "unique-local",
            Self::LinkLocal => "link-local",
            Self::SiteLocal => "site-local",
            Self::Shared => "shared",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Metadata => "metadata service",
            Self::Tunnel => "tunnel",
            Self::Reserved => "reserved",
            Self::Own => "this machine's own",
        })
    }
}

/// What is special about `address`; `None` for that of an ordinary host. Never [`Class::Own`],
/// which no address tells by itself.
#[must_use]
pub fn class_of(address: IpAddr) -> Option<Class> {
    match meant(address) {
        IpAddr::V4(address) => class_of_v4(address),
        IpAddr::V6(address) => class_of_v6(address).or_else(|| class_of_v4(isatap(address)?)),
    }
}

/// The address that is reached in the end: mapped and NAT64 addresses are another way of writing
/// an IPv4 address.
pub(super) fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => joined(high, low).into(),
        _ => address,
    }
}

/// The IPv4 address in an interface identifier as ISATAP writes it (RFC 5214 §6.1).
fn isatap(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(joined(high, low)),
        _ => None,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

fn class_of_v4(address: Ipv4Addr) -> Option<Class> {
    Some(match address.octets() {
        // AWS and most others; AWS containers; Azure; Alibaba; Oracle.
        [169, 254, 169, 254] | [169, 254, 170, 2] | [168, 63, 129, 16] | [100, 100, 100, 200] | [192, 0, 0, 192] => {
            Class::Metadata
        }
        [255, 255, 255, 255] => Class::Broadcast,
        [0, ..] => Class::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::PrivateUse,
        [100, 64..=127, ..] => Class::Shared,
        [127, ..] => Class::Loopback,
        [169, 254, ..] => Class::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Documentation,
        [198, 18..=19, ..] => Class::Benchmarking,
        [224..=239, ..] => Class::Multicast,
        [192, 0, 0, _]
        | [192, 31, 196, _]
        | [192, 52, 193, _]
        | [192, 88, 99, _]
        | [192, 175, 48, _]
        | [240..=255, ..] => Class::Reserved,
        _ => return None,
    })
}

fn class_of_v6(address: Ipv6Addr) -> Option<Class> {
    Some(match address.segments() {
        // AWS; Google.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => Class::Metadata,
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        [0, 0, 0, 0, 0 | 0xffff, 0, ..] | [0x64, 0xff9b, ..] | [0x2001, 0, ..] | [0x2002, ..] => Class::Tunnel,
        [0x2001, 0x2, 0, ..] => Class::Benchmarking,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Class::Documentation,
        [0xfc00..=0xfdff, ..] => Class::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xfec0..=0xfeff, ..] => Class::SiteLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0x2001, 0..=0x1ff, ..] | [0x2620, 0x4f, 0x8000, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        // Nothing else has been given out.
        _ => Class::Reserved,
    })
}
