//! `[oslo_limit]`: where limits of projects are registered, and who asks for them.

use std::time::Duration;

use glance_stores::keystone::{Credentials, LimitedService, Login, Scope};
use glance_stores::outbound::{OperatorUrl, Tls};

use super::account::Reader;
use crate::config::resolve::Resolved;

const SECTION: &str = "oslo_limit";

/// Options of `[oslo_limit]`. What logs in is read from the section that `auth_section` names, if it does.
#[derive(Debug, Clone)]
pub struct OsloLimitSettings {
    /// `auth_url`, `auth_type` and what goes with it: the account that asks.
    pub login: Login,
    /// `endpoint_id`, or `endpoint_service_type`, `endpoint_service_name`, `endpoint_region_name` and
    /// `endpoint_interface` (`public`): the service that limits are registered for.
    pub service: LimitedService,
    /// `endpoint_override`: where Keystone is asked, whatever its catalogue says.
    pub address: Option<OperatorUrl>,
    /// `valid_interfaces`: which of Keystone's endpoints is asked, the best first (`public`).
    pub interfaces: Vec<String>,
    /// `region_name`: the region of that endpoint.
    pub region: Option<String>,
    /// `timeout`, in seconds: how long one question may take with all attempts.
    pub timeout: Option<Duration>,
    /// `connect_retries` (0).
    pub retries: u32,
    /// `cafile`, `certfile`, `keyfile`, `insecure`.
    pub tls: Tls,
}

impl OsloLimitSettings {
    /// The settings, where limits are Keystone's. `None` if they cannot be used, which is noted in `options`.
    pub(super) fn from(options: &Resolved) -> Option<Self> {
        let reader = Reader::new(options, SECTION);
        let (login, service, address) = (reader.of_account().login(), service(&reader), address(&reader));
        let positive = |option| reader.int(option).and_then(|number| u64::try_from(number).ok());
        let interfaces = reader.list("valid_interfaces");
        Some(Self {
            login: login?,
            service: service?,
            address: address?,
            interfaces: if interfaces.is_empty() { vec!["public".to_owned()] } else { interfaces },
            region: reader.text("region_name"),
            timeout: positive("timeout").filter(|seconds| *seconds > 0).map(Duration::from_secs),
            retries: positive("connect_retries").map_or(0, |number| u32::try_from(number.min(10)).unwrap_or(10)),
            tls: reader.tls(),
        })
    }

    /// Whether Keystone tells the account the limits of whatever project it asks about.
    #[must_use]
    pub fn sees_all_projects(&self) -> bool {
        self.login.scope == Scope::System && matches!(self.login.credentials, Credentials::Password(..))
    }
}

fn service(reader: &Reader<'_>) -> Option<LimitedService> {
    if let Some(id) = reader.text("endpoint_id") {
        return Some(LimitedService::Endpoint(id));
    }
    let (kind, name) = (reader.text("endpoint_service_type"), reader.text("endpoint_service_name"));
    if kind.is_none() && name.is_none() {
        return reader
            .refuse("endpoint_id", "must be set, or endpoint_service_type: limits are registered for a service");
    }
    let interface = reader.text("endpoint_interface").unwrap_or_default();
    Some(LimitedService::Found {
        kind,
        name,
        region: reader.text("endpoint_region_name"),
        interface: interface.strip_suffix("URL").unwrap_or(&interface).to_owned(),
    })
}

/// The outer `None` is for what cannot be used.
#[expect(clippy::option_option, reason = "what is missing and what is wrong are two things")]
fn address(reader: &Reader<'_>) -> Option<Option<OperatorUrl>> {
    let Some(text) = reader.text("endpoint_override") else { return Some(None) };
    match OperatorUrl::parse(&text) {
        Ok(url) => Some(Some(url)),
        Err(_) => reader.refuse("endpoint_override", "must be an http or https URL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{problems, settings, warnings};

    const ON: &str = "[DEFAULT]\nuse_keystone_limits = true\n[oslo_limit]\nauth_url = http://k:5000\n";
    const ACCOUNT: &str = "username = glance\npassword = canary\n";

    fn limits(text: &str) -> OsloLimitSettings {
        settings(&format!("{ON}{ACCOUNT}{text}")).oslo_limit.unwrap()
    }

    #[test]
    fn a_service_is_known_by_an_endpoint_or_looked_for() {
        let read = limits("endpoint_id = e\nsystem_scope = all\ntimeout = 7\nconnect_retries = 2");
        assert_eq!(read.service, LimitedService::Endpoint("e".to_owned()));
        assert_eq!((read.timeout, read.retries), (Some(Duration::from_secs(7)), 2));
        assert_eq!((read.interfaces.as_slice(), read.sees_all_projects()), (&["public".to_owned()][..], true));
        let read = limits("endpoint_service_type = image\nendpoint_region_name = R\nendpoint_interface = internalURL");
        let found = LimitedService::Found {
            kind: Some("image".to_owned()),
            name: None,
            region: Some("R".to_owned()),
            interface: "internal".to_owned(),
        };
        assert_eq!(read.service, found);
        assert!(!format!("{read:?}").contains("canary"));
    }

    #[test]
    fn an_application_credential_may_ask() {
        let read =
            settings(&format!("{ON}application_credential_id = a\napplication_credential_secret = s\nendpoint_id = e"));
        assert!(matches!(read.oslo_limit.unwrap().login.credentials, Credentials::Application(..)));
    }

    #[test]
    fn what_is_missing_is_named_where_limits_are_in_use_alone() {
        assert!(settings("[oslo_limit]\nauth_url = nonsense").oslo_limit.is_none());
        for (text, names) in [
            (ACCOUNT, "[oslo_limit] endpoint_id"),
            ("username = u\nendpoint_id = e", "[oslo_limit] password"),
            ("username = u\npassword = p\nendpoint_id = e\nendpoint_override = k", "[oslo_limit] endpoint_override"),
        ] {
            let found = problems(&format!("{ON}{text}"));
            assert!(found.len() == 1 && found[0].contains(names), "{found:?}");
        }
    }

    #[test]
    fn contradictions_are_named() {
        let good = format!("{ON}{ACCOUNT}system_scope = all\nendpoint_id = e\n");
        assert!(warnings(&good).is_empty(), "{:?}", warnings(&good));
        for (text, names) in [
            (format!("{good}endpoint_service_type = image"), "endpoint_service_type has no effect"),
            (format!("[DEFAULT]\nuser_storage_quota = 5GB\n{good}"), "user_storage_quota has no effect"),
            (good.replace("system_scope = all", ""), "[oslo_limit] system_scope"),
            (good.replace("use_keystone_limits = true", ""), "[oslo_limit] endpoint_id has no effect"),
        ] {
            let found = warnings(&text);
            assert!(found.len() == 1 && found[0].contains(names), "{found:?}");
        }
    }
}
