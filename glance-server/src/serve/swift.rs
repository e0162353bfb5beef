//! A store in Swift, as its settings describe it.

use std::time::Duration;

use glance_stores::data::swift::{
    Account, Accounts, Credentials, Endpoint, Interface, Key, MultiTenant, SwiftConfig, SwiftStore, UNIT, protocol,
};
use glance_stores::outbound::{Tls, Trust};

use super::StartError;
use crate::config::{Secret, SwiftAccount, SwiftStoreSettings};

/// Opens the store. Nothing is connected to yet.
pub(super) fn open(id: &str, settings: &SwiftStoreSettings) -> Result<SwiftStore, StartError> {
    SwiftStore::open(config(id, settings)?).map_err(StartError::store(id))
}

/// Whether the store can be opened, as far as its settings and the file of its accounts tell.
pub(super) fn check(id: &str, settings: &SwiftStoreSettings) -> Result<(), StartError> {
    config(id, settings)?.check().map_err(StartError::store(id))
}

fn config(id: &str, settings: &SwiftStoreSettings) -> Result<SwiftConfig, StartError> {
    let mut config = SwiftConfig::with_accounts(accounts(id, settings)?);
    config.multi_tenant = settings
        .multi_tenant
        .then(|| MultiTenant { admin_projects: settings.admin_projects.clone(), use_trusts: settings.use_trusts });
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
    Ok(config)
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

fn accounts(id: &str, settings: &SwiftStoreSettings) -> Result<Accounts, StartError> {
    let default = settings.default_reference.clone();
    if let Some(file) = &settings.config_file {
        let text = std::fs::read_to_string(file).map_err(StartError::file(file))?;
        return Ok(Accounts::of_file(&text, default));
    }
    // Callers bring accounts of their own; then the server may do without.
    let accounts = if settings.multi_tenant && settings.account.is_absent() {
        Vec::new()
    } else {
        vec![(default.clone(), account(id, &settings.account)?)]
    };
    Ok(Accounts { accounts, default, referenced: false, broken: Vec::new() })
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
