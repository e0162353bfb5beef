//! Where URLs of users may lead: `outbound_*` of `[glance_rs]`, and `[import_filtering_opts]`.

use std::net::IpAddr;
use std::str::FromStr;

use glance_stores::outbound::{Exception, Guard, UrlFilter};

use crate::config::resolve::Resolved;

const OURS: &str = "glance_rs";
const FILTERING: &str = "import_filtering_opts";

/// Where URLs of users may lead.
#[derive(Debug, Clone)]
pub struct OutboundSettings {
    /// `outbound_allowed`, and addresses of `allowed_hosts`: what is reached although it is special (nothing).
    pub allowed: Vec<Exception>,
    /// `outbound_private`: whether private networks are reached (true).
    pub private: bool,
    /// The lists of `[import_filtering_opts]`; `None` where nobody set one. Their defaults, the
    /// ports 80 and 443 above all, were made for imports and would cut off images that lie on other
    /// ports already.
    pub filter: Option<UrlFilter>,
}

impl OutboundSettings {
    pub(super) fn from(options: &Resolved) -> Self {
        let set = |option: &&str| options.is_set(FILTERING, option);
        let lists = ["schemes", "hosts", "ports"].map(|what| [format!("allowed_{what}"), format!("disallowed_{what}")]);
        let configured = lists.as_flattened().iter().any(|option| set(&option.as_str()));
        let must = "must be host names, IP addresses or ranges such as 10.0.0.0/8";
        let ours = each(options, OURS, "outbound_allowed", must);
        Self {
            allowed: ours.into_iter().chain(special_hosts(options)).collect(),
            private: options.flag(OURS, "outbound_private"),
            filter: configured.then(|| filter(options)),
        }
    }

    /// What judges the addresses that URLs of users lead to.
    #[must_use]
    pub fn guard(&self) -> Guard {
        let guard = if self.private { Guard::default() } else { Guard::default().refuse_private() };
        self.allowed.iter().cloned().fold(guard, Guard::except)
    }
}

/// The hosts of `allowed_hosts` that can mean nothing but what is special: addresses, and this machine. The reference
/// lets any host that is listed there lead anywhere; a name out in the world may not, as it could be made to.
fn special_hosts(options: &Resolved) -> impl Iterator<Item = Exception> {
    options.list(FILTERING, "allowed_hosts").into_iter().filter_map(|host| {
        let host = host.trim().trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_special = host.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost");
        is_special.then(|| host.parse().ok()).flatten()
    })
}

fn filter(options: &Resolved) -> UrlFilter {
    let texts = |option| options.list(FILTERING, option);
    let ports = |option| each(options, FILTERING, option, "must hold port numbers");
    UrlFilter::default()
        .schemes(&texts("allowed_schemes"), &texts("disallowed_schemes"))
        .hosts(&texts("allowed_hosts"), &texts("disallowed_hosts"))
        .ports(&ports("allowed_ports"), &ports("disallowed_ports"))
}

/// The items of a list, read one by one.
fn each<T: FromStr>(options: &Resolved, section: &str, option: &str, must: &str) -> Vec<T> {
    let items = options.list(section, option);
    let read: Result<Vec<T>, _> = items.iter().map(|item| item.trim().parse()).collect();
    read.unwrap_or_else(|_| {
        options.refuse(section, option, must);
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{problems, settings};

    #[test]
    fn private_networks_are_reached_unless_the_operator_says_no() {
        let read = settings("").outbound;
        assert!(read.private && read.allowed.is_empty() && read.filter.is_none());
        let text = "[glance_rs]\noutbound_private = false\noutbound_allowed = 10.1.0.0/16, Images.example.org, ::1";
        let read = settings(text).outbound;
        assert!(!read.private);
        let expected = ["10.1.0.0/16", "images.example.org", "::1"].map(|text| text.parse().unwrap());
        assert_eq!(read.allowed, expected);
    }

    #[test]
    fn addresses_that_the_filter_lists_are_reached_and_names_in_the_world_lead_to_nothing_special() {
        let text =
            "[import_filtering_opts]\nallowed_hosts = [127.0.0.1, [::1], LocalHost, images.example.org, 10.0.0.0/8]";
        let expected: Vec<Exception> =
            ["127.0.0.1", "::1", "localhost"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(settings(text).outbound.allowed, expected);
    }

    #[test]
    fn what_is_neither_network_nor_host_is_refused() {
        for bad in ["10.0.0.0/33", "http://host", "127.1"] {
            assert_eq!(problems(&format!("[glance_rs]\noutbound_allowed = {bad}")).len(), 1, "{bad}");
        }
        assert_eq!(problems("[import_filtering_opts]\nallowed_ports = [http]").len(), 1);
    }

    #[test]
    fn one_list_that_is_set_brings_the_defaults_of_the_others() {
        let filter = settings("[import_filtering_opts]\ndisallowed_hosts = [bad.example]").outbound.filter;
        let text = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let expected = UrlFilter::default()
            .schemes(&text(&["http", "https"]), &[])
            .hosts(&[], &text(&["bad.example"]))
            .ports(&[80, 443], &[]);
        assert_eq!(filter, Some(expected));
    }
}
