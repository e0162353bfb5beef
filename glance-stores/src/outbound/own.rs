//! The addresses of this machine, as Linux tells them.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All addresses that lead to this machine, loopback included. Read anew each time: addresses come
/// and go, and virtual ones move between nodes.
///
/// # Errors
///
/// If Linux does not tell them. A machine without IPv6 has no file for it.
pub(super) fn addresses() -> io::Result<Vec<IpAddr>> {
    let mut own: Vec<IpAddr> = ipv4(&fs::read_to_string("/proc/net/fib_trie")?).map(IpAddr::V4).collect();
    match fs::read_to_string("/proc/net/if_inet6") {
        Ok(interfaces) => own.extend(ipv6(&interfaces).map(IpAddr::V6)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(own)
}

/// The routing table names an address, and in the lines below it what it is for.
fn ipv4(trie: &str) -> impl Iterator<Item = Ipv4Addr> {
    let mut last = None;
    trie.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        }
        last.filter(|_| line.starts_with("/32 host LOCAL"))
    })
}

/// Each line begins with an address in 32 digits.
fn ipv6(interfaces: &str) -> impl Iterator<Item = Ipv6Addr> {
    let digits = interfaces.lines().filter_map(|line| line.split_whitespace().next());
    digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok()).map(Ipv6Addr::from_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_among_routes() {
        let trie = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 10.1.0.0\n        \
                    /16 link UNICAST\n     |-- 10.1.2.3\n        /32 host LOCAL\n     |-- 10.1.255.255\n        \
                    /32 link BROADCAST\n";
        assert_eq!(ipv4(trie).collect::<Vec<_>>(), [Ipv4Addr::new(10, 1, 2, 3)]);
        let interfaces = "00000000000000000000000000000001 01 80 10 80       lo\n\
                          fe80000000000000021122fffe334455 02 40 20 80     eth0\nno address\n";
        let found: Vec<_> = ipv6(interfaces).map(|address| address.to_string()).collect();
        assert_eq!(found, ["::1", "fe80::211:22ff:fe33:4455"]);
    }

    #[test]
    fn this_machine_has_a_loopback_address() {
        assert!(addresses().unwrap().contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
}
