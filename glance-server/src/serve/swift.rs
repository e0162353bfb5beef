//! A store in Swift, as its settings describe it.

use std::path::Path;
use std::time::Duration;

use glance_stores::data::swift::{
    Account, Accounts, Credentials, Endpoint, Interface, Key, SwiftConfig, SwiftStore, UNIT, accounts, protocol,
};
use glance_stores::outbound::{Tls, Trust};

use super::StartError;
use crate::config::{Secret, SwiftAccount, SwiftStoreSettings};

/// Opens the store. Nothing is connected to yet.
pub(super) fn open(id: &str, settings: &SwiftStoreSettings) -> Result<SwiftStore, StartError> {
    if settings.multi_tenant {
        let cause = "swift_store_multi_tenant is not supported yet";
        return Err(StartError::store(id)(cause.to_owned()));
    }
    let mut config = SwiftConfig::with_accounts(Accounts {
        accounts: configured(id, settings)?,
        default: settings.default_reference.clone(),
        referenced: settings.config_file.is_some(),
    });
    config.endpoint = endpoint(settings);
    config.container.clone_from(&settings.container);
    config.container_seed = settings.container_seed;
    config.any_container = settings.any_container;
    config.create_container = settings.create_container;
    config.large_object_size = settings.large_object_size.saturating_mul(UNIT);
    config.segment_size = settings.segment_size.saturating_mul(UNIT);
    config.buffer_dir.clone_from(&settings.buffer_dir);
    config.retry_get_count = settings.retry_get_count.unwrap_or(config.retry_get_count);
    config.expire_soon = Duration::from_secs(settings.expire_soon_seconds);
    config.tls = Tls { trust: trust(settings), identity: None };
    SwiftStore::open(config).map_err(StartError::store(id))
}

fn endpoint(settings: &SwiftStoreSettings) -> Endpoint {
    Endpoint {
        fixed: settings.endpoint.clone(),
        service_type: settings.service_type.clone(),
        interface: match settings.endpoint_type.as_str() {
            "internalURL" => Interface::Internal,
            "adminURL" => Interface::Admin,
            _ => Interface::Public,
        },
        region: settings.region.clone(),
    }
}

fn trust(settings: &SwiftStoreSettings) -> Trust {
    match &settings.ca_file {
        _ if settings.insecure => Trust::Anyone,
        Some(file) => Trust::CaFile(file.clone()),
        None => Trust::System,
    }
}

fn configured(id: &str, settings: &SwiftStoreSettings) -> Result<Vec<(String, Account)>, StartError> {
    match &settings.config_file {
        Some(file) => read(file),
        None => Ok(vec![(settings.default_reference.clone(), account(id, &settings.account)?)]),
    }
}

fn read(file: &Path) -> Result<Vec<(String, Account)>, StartError> {
    let text = std::fs::read_to_string(file).map_err(StartError::file(file))?;
    Ok(accounts(&text))
}

fn account(id: &str, settings: &SwiftAccount) -> Result<Account, StartError> {
    let missing = |option: &str| StartError::store(id)(format!("{option} is not set"));
    let address = settings.auth_address.as_ref().ok_or_else(|| missing("swift_store_auth_address"))?;
    let application = settings.application_credential_id.as_ref().zip(settings.application_credential_secret.as_ref());
    let credentials = if let Some((id, secret)) = application {
        Credentials::Application { id: id.expose().to_owned(), secret: key(secret) }
    } else {
        let user = settings.user.as_ref().ok_or_else(|| missing("swift_store_user"))?;
        let secret = settings.key.as_ref().ok_or_else(|| missing("swift_store_key"))?;
        Credentials::User { name: user.expose().to_owned(), key: key(secret) }
    };
    Ok(Account { protocol: protocol(&settings.auth_version), ..Account::new(address, credentials) })
}

fn key(secret: &Secret) -> Key {
    Key::new(secret.expose())
}
