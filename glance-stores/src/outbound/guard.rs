//! Which addresses URLs of users may lead to.

use std::net::IpAddr;
use std::str::FromStr;

use url::Host;

use super::address::{Class, class_of, meant};
use super::filter::host_name;
use super::network::Network;

/// What URLs of users may reach.
///
/// Ordinary addresses and, unless told otherwise, those of private networks: images on a web
/// server in the operator's own network are what most locations on the web are. Nothing else that
/// is special, the machine's own addresses and those of metadata services included, unless the
/// operator lists it.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    refuse_private: bool,
    networks: Vec<Network>,
    hosts: Vec<String>,
}

/// Something an operator lets URLs of users reach although it is special.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exception {
    /// All addresses of a network.
    Network(Network),
    /// Whatever addresses this name has. Lower-case, in ASCII, without a dot at its end.
    Host(String),
}

/// The text is neither an IP address nor a network nor a host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be host names, IP addresses or ranges such as 10.0.0.0/8")]
pub struct NotAnException;

/// An address that a URL of a user may not lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) address: IpAddr,
    pub(super) class: Class,
}

impl Guard {
    /// The same, with private networks refused as well.
    #[must_use]
    pub fn refuse_private(self) -> Self {
        Self { refuse_private: true, ..self }
    }

    /// The same, with an exception.
    #[must_use]
    pub fn except(mut self, exception: Exception) -> Self {
        match exception {
            Exception::Network(network) => self.networks.push(network),
            Exception::Host(host) => self.hosts.push(host),
        }
        self
    }

    /// Whether the operator listed this host by its name, so that its addresses do not matter.
    pub(super) fn lists(&self, host: &str) -> bool {
        self.hosts.iter().any(|listed| *listed == host_name(host))
    }

    /// Refuses all of the addresses if one of them is bad; `own` are those of this machine. A name
    /// with some good addresses is no reason to try those: whoever mixed them meant the others.
    pub(super) fn judge(&self, addresses: &[IpAddr], own: &[IpAddr]) -> Result<(), Refused> {
        let refused = |address: &IpAddr| Some(Refused { address: *address, class: self.class(*address, own)? });
        addresses.iter().find_map(refused).map_or(Ok(()), Err)
    }

    fn class(&self, address: IpAddr, own: &[IpAddr]) -> Option<Class> {
        if self.networks.iter().any(|network| network.contains(address)) {
            return None;
        }
        let special = class_of(address).filter(|class| self.refuse_private || !class.is_private());
        special.or_else(|| own.contains(&meant(address)).then_some(Class::Own))
    }
}

impl FromStr for Exception {
    type Err = NotAnException;

    fn from_str(text: &str) -> Result<Self, NotAnException> {
        let text = text.trim();
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        match Host::parse(text) {
            Ok(Host::Domain(name)) => Ok(Self::Host(host_name(&name))),
            // Other spellings of addresses are more likely mistakes.
            _ => Err(NotAnException),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn class(guard: &Guard, texts: &[&str]) -> Option<Class> {
        guard.judge(&addresses(texts), &addresses(&["198.51.101.7", "10.0.0.7"])).err().map(|refused| refused.class)
    }

    #[test]
    fn one_bad_address_refuses_a_name() {
        let guard = Guard::default();
        assert_eq!(class(&guard, &["93.184.216.34", "2606:2800::1"]), None);
        assert_eq!(class(&guard, &["93.184.216.34", "127.0.0.1"]), Some(Class::Loopback));
        assert_eq!(class(&guard, &[]), None);
    }

    #[test]
    fn private_networks_are_refused_on_demand() {
        for address in ["10.0.0.1", "172.31.0.1", "192.168.3.4", "fd12::1", "::ffff:10.0.0.1"] {
            assert_eq!(class(&Guard::default(), &[address]), None, "{address}");
            assert!(class(&Guard::default().refuse_private(), &[address]).is_some_and(Class::is_private), "{address}");
        }
        let metadata = class(&Guard::default(), &["fd00:ec2::254"]);
        assert_eq!(metadata, Some(Class::Metadata));
    }

    #[test]
    fn addresses_of_this_machine_are_refused_in_every_network() {
        for address in ["198.51.101.7", "10.0.0.7", "::ffff:10.0.0.7", "64:ff9b::10.0.0.7"] {
            assert_eq!(class(&Guard::default(), &[address]), Some(Class::Own), "{address}");
        }
    }

    #[test]
    fn what_an_operator_lists_is_let_through() {
        let guard = Guard::default().refuse_private();
        let guard = guard.except("10.0.0.0/24".parse().unwrap()).except("127.0.0.1".parse().unwrap());
        for address in ["10.0.0.1", "10.0.0.7", "::ffff:10.0.0.1", "127.0.0.1"] {
            assert_eq!(class(&guard, &[address]), None, "{address}");
        }
        for address in ["10.0.1.1", "127.0.0.2", "::1"] {
            assert!(class(&guard, &[address]).is_some(), "{address}");
        }
        let guard = guard.except("Images.Example.org.".parse().unwrap());
        assert!(guard.lists("images.example.org") && guard.lists("images.example.org."));
        assert!(!guard.lists("example.org") && !guard.lists("x.images.example.org"));
    }

    #[test]
    fn exceptions_are_networks_and_names() {
        assert!(matches!("fd00::/8".parse(), Ok(Exception::Network(_))));
        assert_eq!("bücher.example".parse(), Ok(Exception::Host("xn--bcher-kva.example".to_owned())));
        for bad in ["", "10.0.0.0/33", "127.1", "0x7f000001", "a b", "http://x/", "user@host", "host:80"] {
            assert_eq!(bad.parse::<Exception>(), Err(NotAnException), "{bad}");
        }
    }
}
