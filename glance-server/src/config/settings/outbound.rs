//! Where URLs of users may lead: `outbound_*` of `[glance_rs]`, and `[import_filtering_opts]`.

use std::str::FromStr;

use glance_stores::outbound::{Exception, Guard, UrlFilter};

use crate::config::resolve::Resolved;

const OURS: &str = "glance_rs";
const FILTERING: &str = "import_filtering_opts";

/// Where URLs of users may lead.
#[derive(Debug, Clone)]
pub struct OutboundSettings {
    /// `outbound_allowed`: networks and hosts that are reached although they are special (none).
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
        Self {
            allowed: each(
                options,
                OURS,
                "outbound_allowed",
                "must be host names, IP addresses or ranges such as 10.0.0.0/8",
            ),
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
