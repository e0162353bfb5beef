//! An account of Keystone's, as `keystoneauth` has its options.

use std::path::PathBuf;

use glance_stores::keystone::{Application, Credentials, Domain, Key, Login, Project, Scope, User};
use glance_stores::outbound::{Identity, OperatorUrl, Tls, Trust};

use super::paste::PasteSettings;
use crate::config::layers::section_name;
use crate::config::resolve::Resolved;

/// Reads options of one section, over which the paste file may have its way.
pub(super) struct Reader<'a> {
    options: &'a Resolved,
    paste: Option<&'a PasteSettings>,
    section: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(options: &'a Resolved, section: &str) -> Self {
        Self { options, paste: None, section: section.to_owned() }
    }

    /// The same, with what the paste file sets for its token filter before the section.
    pub(super) fn below(self, paste: &'a PasteSettings) -> Self {
        Self { paste: Some(paste), ..self }
    }

    /// Reads what logs in: from the section that `auth_section` names, if it does.
    pub(super) fn of_account(&self) -> Self {
        let section = self.text("auth_section").map_or_else(|| self.section.clone(), |name| section_name(&name));
        Self { section, ..*self }
    }

    fn local(&self, option: &str) -> Option<&'a str> {
        self.paste.and_then(|paste| paste.authtoken(option))
    }

    pub(super) fn text(&self, option: &str) -> Option<String> {
        let local = self.local(option).filter(|text| !text.is_empty()).map(str::to_owned);
        local.or_else(|| self.options.text(&self.section, option))
    }

    fn key(&self, option: &str) -> Option<Key> {
        self.text(option).map(Key::new)
    }

    pub(super) fn flag(&self, option: &str) -> bool {
        let ours = || self.options.flag(&self.section, option);
        let Some(text) = self.local(option) else { return ours() };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => self.refuse(option, "must be true or false in the paste file, too").unwrap_or_else(ours),
        }
    }

    pub(super) fn int(&self, option: &str) -> Option<i64> {
        let Some(text) = self.local(option) else { return self.options.int(&self.section, option) };
        text.parse().ok().or_else(|| self.refuse(option, "must be a whole number in the paste file, too"))
    }

    pub(super) fn list(&self, option: &str) -> Vec<String> {
        match self.local(option) {
            Some(text) => text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect(),
            None => self.options.list(&self.section, option),
        }
    }

    pub(super) fn refuse<T>(&self, option: &str, must: &str) -> Option<T> {
        let place = self.paste.and_then(|paste| paste.authtoken_place(option));
        self.options.refuse_at(place, &self.section, option, must);
        None
    }

    pub(super) fn tls(&self) -> Tls {
        let path = |option| self.text(option).map(PathBuf::from);
        let trust = match path("cafile") {
            _ if self.flag("insecure") => Trust::Anyone,
            Some(file) => Trust::CaFile(file),
            None => Trust::System,
        };
        // As with requests, the key may stand in the file of the certificate.
        let identity = path("certfile")
            .map(|certificate| Identity { key: path("keyfile").unwrap_or_else(|| certificate.clone()), certificate });
        Tls { trust, identity }
    }

    pub(super) fn login(&self) -> Option<Login> {
        let Some(address) = self.text("auth_url") else {
            return self.refuse("auth_url", "must be set: Keystone is asked there");
        };
        let Ok(address) = OperatorUrl::parse(&address) else {
            return self.refuse("auth_url", "must be an http or https URL");
        };
        let credentials = self.credentials()?;
        Some(Login { address, credentials, scope: self.scope() })
    }

    fn credentials(&self) -> Option<Credentials> {
        let has_application = ["application_credential_id", "application_credential_name"]
            .iter()
            .any(|option| self.text(option).is_some());
        let kind = self.text("auth_type");
        match kind.as_deref() {
            Some("v3applicationcredential") => self.application(),
            None if has_application => self.application(),
            Some("password" | "v3password") | None => self.password(),
            Some(_) => self.refuse("auth_type", "must be password, v3password or v3applicationcredential"),
        }
    }

    fn password(&self) -> Option<Credentials> {
        let Some(user) = self.user() else {
            return self.refuse("username", "must be set: somebody has to ask Keystone");
        };
        match self.key("password") {
            Some(password) => Some(Credentials::Password(user, password)),
            None => self.refuse("password", "must be set: the account that asks Keystone needs it"),
        }
    }

    fn application(&self) -> Option<Credentials> {
        let by_id = self.text("application_credential_id").map(Application::Id);
        let by_name = || Some(Application::Name(self.text("application_credential_name")?, self.user()?));
        let Some(application) = by_id.or_else(by_name) else {
            return self
                .refuse("application_credential_id", "must be set, or application_credential_name and username");
        };
        match self.key("application_credential_secret") {
            Some(secret) => Some(Credentials::Application(application, secret)),
            None => self.refuse("application_credential_secret", "must be set"),
        }
    }

    fn user(&self) -> Option<User> {
        let by_name = || Some(User::Name(self.text("username")?, self.domain("user").unwrap_or_default()));
        self.text("user_id").map(User::Id).or_else(by_name)
    }

    fn scope(&self) -> Scope {
        let project = self.text("project_id").map(Project::Id).or_else(|| {
            let domain = self.domain("project").unwrap_or_default();
            Some(Project::Name(self.text("project_name")?, domain))
        });
        let domain = || {
            let by_name = || self.text("domain_name").map(Domain::Name);
            self.text("domain_id").map(Domain::Id).or_else(by_name)
        };
        // In keystoneauth's order.
        if self.text("system_scope").is_some() {
            return Scope::System;
        }
        if let Some(trust) = self.text("trust_id") {
            return Scope::Trust(trust);
        }
        project.map(Scope::Project).or_else(|| domain().map(Scope::Domain)).unwrap_or_default()
    }

    /// The domain of the user or project: its own option, else the one for both.
    fn domain(&self, whose: &str) -> Option<Domain> {
        [whose, "default"].iter().find_map(|prefix| {
            let by_name = || self.text(&format!("{prefix}_domain_name")).map(Domain::Name);
            self.text(&format!("{prefix}_domain_id")).map(Domain::Id).or_else(by_name)
        })
    }
}
