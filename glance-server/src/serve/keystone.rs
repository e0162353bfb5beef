//! Callers whom Keystone vouches for, and the limits it has of projects, as the settings describe both.

use std::time::Duration;

use glance_stores::keystone::{Keystone, KeystoneConfig, KeystoneLimits, LimitsConfig};
use glance_stores::outbound::{Client, Deadlines};

use super::StartError;
use crate::auth::{KeystoneAuth, KeystoneOptions};
use crate::config::{OsloLimitSettings, Settings};

/// How long one question may take where `http_connect_timeout` does not say. A client waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Callers as Keystone knows them. Nothing is connected to yet.
pub(super) fn open(settings: &Settings) -> Result<KeystoneAuth, StartError> {
    let Some(authtoken) = &settings.authtoken else {
        return Err(StartError::option("auth_mode")("there is no usable [keystone_authtoken]"));
    };
    let patience = authtoken.timeout.unwrap_or(PATIENCE);
    let deadlines = Deadlines { connect: patience.min(Deadlines::default().connect), idle: patience };
    let client = Client::new(&authtoken.tls, deadlines).map_err(StartError::option("[keystone_authtoken] cafile"))?;
    let keystone = Keystone::new(
        client,
        KeystoneConfig {
            login: authtoken.login.clone(),
            interface: authtoken.interface.clone(),
            region: authtoken.region.clone(),
            with_catalog: authtoken.include_service_catalog,
            retries: authtoken.retries,
            patience,
        },
    );
    let options = KeystoneOptions {
        cache_time: authtoken.cache_time,
        service_roles: authtoken.service_token_roles.clone(),
        service_roles_required: authtoken.service_token_roles_required,
        delay: authtoken.delay_auth_decision,
        allow_anonymous: settings.default.allow_anonymous_access,
        service_type: authtoken.service_type.clone(),
        public_uri: authtoken.www_authenticate_uri.clone(),
    };
    Ok(KeystoneAuth::new(keystone, options))
}

/// How long an answer about limits counts. What an operator changes holds that much later, twice at most.
const LIMITS_COUNT_FOR: Duration = Duration::from_secs(5);

/// What Keystone says that projects may hold. Nothing is connected to yet.
pub(super) fn limits(settings: &OsloLimitSettings) -> Result<KeystoneLimits, StartError> {
    let patience = settings.timeout.unwrap_or(PATIENCE);
    let deadlines = Deadlines { connect: patience.min(Deadlines::default().connect), idle: patience };
    let client = Client::new(&settings.tls, deadlines).map_err(StartError::option("[oslo_limit] cafile"))?;
    let config = LimitsConfig {
        login: settings.login.clone(),
        address: settings.address.clone(),
        interfaces: settings.interfaces.clone(),
        region: settings.region.clone(),
        service: settings.service.clone(),
        retries: settings.retries,
        patience,
        counts_for: LIMITS_COUNT_FOR,
    };
    Ok(KeystoneLimits::new(client, config))
}
