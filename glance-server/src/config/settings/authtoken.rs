//! `[keystone_authtoken]`: whom to ask about tokens, and what to make of the answers.

use std::time::Duration;

use glance_stores::keystone::Login;
use glance_stores::outbound::Tls;

use super::account::Reader;
use super::paste::PasteSettings;
use crate::config::resolve::Resolved;

const SECTION: &str = "keystone_authtoken";

/// Options of `[keystone_authtoken]`. Those of the paste file's token filter come before those of the
/// section; what logs in is read from the section that `auth_section` names, if it does.
#[derive(Debug, Clone)]
pub struct AuthtokenSettings {
    /// `www_authenticate_uri`: where clients learn to log in.
    pub www_authenticate_uri: Option<String>,
    /// `auth_url`, `auth_type` and what goes with it: the account that asks.
    pub login: Login,
    /// `interface` (`internal`).
    pub interface: String,
    /// `region_name`.
    pub region: Option<String>,
    /// `service_type`, as access rules of application credentials name this service.
    pub service_type: Option<String>,
    /// `delay_auth_decision` (false; true in Glance's paste file).
    pub delay_auth_decision: bool,
    /// `http_connect_timeout`, in seconds: how long one question may take with all attempts.
    pub timeout: Option<Duration>,
    /// `http_request_max_retries` (3).
    pub retries: u32,
    /// `cafile`, `certfile`, `keyfile`, `insecure`.
    pub tls: Tls,
    /// `token_cache_time`, in seconds (300); `None`: nothing is cached.
    pub cache_time: Option<Duration>,
    /// `include_service_catalog` (true).
    pub include_service_catalog: bool,
    /// `service_token_roles` (`service`).
    pub service_token_roles: Vec<String>,
    /// `service_token_roles_required` (true).
    pub service_token_roles_required: bool,
}

impl AuthtokenSettings {
    /// The settings, where callers are known by Keystone. `None` if they cannot be used, which is noted in `options`.
    pub(super) fn from(options: &Resolved, paste: &PasteSettings) -> Option<Self> {
        let reader = Reader::new(options, SECTION).below(paste);
        let account = reader.of_account();
        let seconds = |option| reader.int(option).and_then(|number| u64::try_from(number).ok());
        Some(Self {
            login: account.login()?,
            www_authenticate_uri: reader.text("www_authenticate_uri").or_else(|| reader.text("auth_uri")),
            interface: reader.text("interface").unwrap_or_else(|| "internal".to_owned()),
            region: reader.text("region_name"),
            service_type: reader.text("service_type"),
            delay_auth_decision: reader.flag("delay_auth_decision"),
            timeout: seconds("http_connect_timeout").filter(|seconds| *seconds > 0).map(Duration::from_secs),
            retries: reader
                .int("http_request_max_retries")
                .and_then(|number| number.clamp(0, 10).try_into().ok())
                .unwrap_or(3),
            tls: reader.tls(),
            cache_time: seconds("token_cache_time").map(Duration::from_secs),
            include_service_catalog: reader.flag("include_service_catalog"),
            service_token_roles: reader.list("service_token_roles"),
            service_token_roles_required: reader.flag("service_token_roles_required"),
        })
    }
}

#[cfg(test)]
mod tests {
    use glance_stores::keystone::{Application, Credentials, Domain, Key, Project, Scope, User};
    use glance_stores::outbound::{Identity, Trust};

    use super::*;
    use crate::config::testing::{COMPLETE, Folder, file, problems, settings};

    const BASE: &str = "[paste_deploy]\nflavor = keystone\n[keystone_authtoken]\nauth_url = http://k:5000\n";
    const ACCOUNT: &str = "username = glance\npassword = canary\n";

    fn authtoken(text: &str) -> AuthtokenSettings {
        settings(&format!("{BASE}{text}")).authtoken.unwrap()
    }

    #[test]
    fn a_user_logs_in_with_names_and_domains() {
        let read = authtoken(&format!(
            "{ACCOUNT}auth_type = password\nproject_name = service\nuser_domain_name = Default\nproject_domain_id = d\n"
        ));
        let user = User::Name("glance".to_owned(), Domain::Name("Default".to_owned()));
        assert_eq!(read.login.credentials, Credentials::Password(user, Key::new("canary")));
        let project = Project::Name("service".to_owned(), Domain::Id("d".to_owned()));
        assert_eq!(read.login.scope, Scope::Project(project));
        assert!(read.delay_auth_decision, "as in Glance's own paste file");
        assert_eq!((read.cache_time, read.retries), (Some(Duration::from_secs(300)), 3));
        assert_eq!(read.service_token_roles, ["service"]);
        assert!(read.service_token_roles_required && read.include_service_catalog);
        assert!(!format!("{read:?}").contains("canary"));
    }

    #[test]
    fn an_application_credential_logs_in() {
        let read = authtoken(
            "auth_type = v3applicationcredential\napplication_credential_id = a\napplication_credential_secret = s",
        );
        let application = Credentials::Application(Application::Id("a".to_owned()), Key::new("s"));
        assert_eq!((read.login.credentials, read.login.scope), (application, Scope::Own));
    }

    #[test]
    fn the_account_may_stand_in_a_section_of_its_own() {
        let read = authtoken("auth_section = me\n[me]\nauth_url = https://other/v3\nusername = u\npassword = p\n");
        assert_eq!(read.login.address.expose().as_str(), "https://other/v3");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, names) in [
            ("username = u", "[keystone_authtoken] password"),
            ("", "[keystone_authtoken] username"),
            ("auth_type = v3kerberos", "[keystone_authtoken] auth_type"),
            ("application_credential_id = a", "[keystone_authtoken] application_credential_secret"),
            ("auth_url = keystone", "[keystone_authtoken] auth_url"),
        ] {
            let found = problems(&format!("{BASE}{text}"));
            assert!(found.len() == 1 && found[0].contains(names), "{found:?}");
        }
        let found = problems("[paste_deploy]\nflavor = keystone");
        assert!(found.len() == 1 && found[0].contains("auth_url must be set"), "{found:?}");
        assert!(settings("").authtoken.is_none());
    }

    #[test]
    fn tls_and_the_cache_are_as_configured() {
        let read = authtoken(&format!("{ACCOUNT}cafile = /ca\ncertfile = /c\nkeyfile = /k\ntoken_cache_time = -1"));
        let identity = Identity { certificate: "/c".into(), key: "/k".into() };
        assert_eq!(read.tls, Tls { trust: Trust::CaFile("/ca".into()), identity: Some(identity) });
        assert_eq!(read.cache_time, None);
        assert_eq!(authtoken(&format!("{ACCOUNT}cafile = /ca\ninsecure = true")).tls.trust, Trust::Anyone);
    }

    #[test]
    fn the_paste_file_has_its_way_over_the_section() {
        let folder = Folder::new();
        folder.write(
            "glance-api-paste.ini",
            "[pipeline:glance-api-keystone]\npipeline = authtoken context rootapp\n[filter:authtoken]\n\
             paste.filter_factory = keystonemiddleware.auth_token:filter_factory\nregion_name = there\n",
        );
        let conf = folder.write("glance-api.conf", &format!("{BASE}{ACCOUNT}region_name = here\n{COMPLETE}"));
        let read = folder.load(&[file(conf)]).unwrap().settings.authtoken.unwrap();
        assert_eq!(read.region.as_deref(), Some("there"));
        assert!(!read.delay_auth_decision, "the file does not say so");
    }

    #[test]
    fn what_the_paste_file_says_is_not_guessed_at() {
        for line in ["service_token_roles_required = ture", "delay_auth_decision =", "token_cache_time = 5 minutes"] {
            let folder = Folder::new();
            folder.write(
                "glance-api-paste.ini",
                &format!(
                    "[pipeline:glance-api-keystone]\npipeline = authtoken context rootapp\n[filter:authtoken]\n\
                     paste.filter_factory = keystonemiddleware.auth_token:filter_factory\n{line}\n"
                ),
            );
            let conf = folder.write("glance-api.conf", &format!("{BASE}{ACCOUNT}{COMPLETE}"));
            let error = folder.load(&[file(conf)]).unwrap_err().to_string();
            let option = line.split(' ').next().unwrap();
            assert!(error.contains(option) && error.contains("paste file"), "{line}: {error}");
        }
    }
}
