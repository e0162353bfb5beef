//! The file that `swift_store_config_file` names: a section for each account.

use super::account::{Account, AccountError, Accounts, Credentials, Domain, Key, Protocol};

/// What the file says of one account.
type Section = (String, Vec<(String, String)>);

impl Accounts {
    /// The accounts in the text of such a file, of which `default` takes new data. A mistake in one
    /// section does not take the others down.
    #[must_use]
    pub fn of_file(text: &str, default: impl Into<String>) -> Self {
        let (mut accounts, mut broken) = (Vec::new(), Vec::new());
        for (reference, options) in sections(text) {
            match account(&options) {
                Ok(account) => accounts.push((reference, account)),
                Err(cause) => broken.push((reference, cause)),
            }
        }
        Self { accounts, default: default.into(), referenced: true, broken }
    }
}

fn account(options: &[(String, String)]) -> Result<Account, AccountError> {
    let get = |name: &str| options.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let need = |name: &'static str| get(name).filter(|value| !value.is_empty()).ok_or(AccountError::Missing(name));
    let credentials = match (need("application_credential_id"), need("application_credential_secret")) {
        (Ok(id), Ok(secret)) => Credentials::Application { id: id.to_owned(), secret: Key::new(secret) },
        _ => Credentials::User { name: need("user")?.to_owned(), key: Key::new(need("key")?) },
    };
    let domain = |id: &str, name: &str| match (get(id), get(name)) {
        (Some(id), _) => Domain::Id(id.to_owned()),
        (None, Some(name)) => Domain::Name(name.to_owned()),
        (None, None) => Domain::default(),
    };
    let account = Account {
        protocol: protocol(get("auth_version").unwrap_or_default()),
        user_domain: domain("user_domain_id", "user_domain_name"),
        project_domain: domain("project_domain_id", "project_domain_name"),
        ..Account::new(need("auth_address")?, credentials)
    };
    account.check().map(|()| account)
}

/// What an `auth_version` means: files still hold a 2, which Glance takes for 3.
#[must_use]
pub fn protocol(auth_version: &str) -> Protocol {
    if matches!(auth_version.trim(), "1" | "1.0") { Protocol::V1 } else { Protocol::Keystone }
}

/// Sections in the dialect of Python's `configparser`, without its interpolation: keys are full of
/// per cent signs.
fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.push((name.to_owned(), Vec::new()));
        } else if let (Some((_, options)), Some((name, value))) = (sections.last_mut(), line.split_once(['=', ':'])) {
            options.push((name.trim().to_ascii_lowercase(), unquoted(value.trim()).to_owned()));
        }
    }
    sections
}

fn unquoted(value: &str) -> &str {
    let inside = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "# accounts\n\
        [ref1]\nuser = service:glance\nkey = 'a%b=c:d'\nauth_address = \"https://auth:5000/v3\"\nauth_version = 2\n\
        [ref2]\napplication_credential_id = i\napplication_credential_secret = s\nuser = t:u\nkey = k\n\
        auth_address: http://auth\nproject_domain_name = P\nuser_domain_id = U\n\
        [keyless]\nuser = service:glance\nauth_address = https://auth\n\
        [nowhere]\nuser = service:glance\nkey = k\nauth_address = ftp://auth\n\
        [homeless]\nuser = glance\nkey = k\nauth_address = https://auth\n\
        [plain]\nAuth_Version = 1\nuser = test:tester\nkey = testing\nauth_address = http://auth/auth/v1.0\n";

    #[test]
    fn every_sound_section_is_an_account() {
        let user = |name: &str, key: &str| Credentials::User { name: name.to_owned(), key: Key::new(key) };
        let application = Credentials::Application { id: "i".to_owned(), secret: Key::new("s") };
        let plain = Account::new("http://auth/auth/v1.0", user("test:tester", "testing"));
        let expected = [
            ("ref1".to_owned(), Account::new("https://auth:5000/v3", user("service:glance", "a%b=c:d"))),
            (
                "ref2".to_owned(),
                Account {
                    project_domain: Domain::Name("P".to_owned()),
                    user_domain: Domain::Id("U".to_owned()),
                    ..Account::new("http://auth", application)
                },
            ),
            ("plain".to_owned(), Account { protocol: Protocol::V1, ..plain }),
        ];
        let read = Accounts::of_file(FILE, "ref2");
        assert_eq!(read.accounts, expected);
        assert_eq!((read.default.as_str(), read.referenced), ("ref2", true));
        let broken = [
            ("keyless", AccountError::Missing("key")),
            ("nowhere", AccountError::Address),
            ("homeless", AccountError::User),
        ];
        assert_eq!(read.broken, broken.map(|(reference, cause)| (reference.to_owned(), cause)));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\[|\\]|=|\"|'|\n|[a-z]|\\PC){0,80}") {
            let _ = Accounts::of_file(&text, "ref1");
        }
    }
}
