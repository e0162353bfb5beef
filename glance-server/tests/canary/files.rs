//! Configurations that cannot be used, each for the sake of an option with a secret in it.

use std::fs;

use crate::program::{output, said_at_the_start};
use crate::secrets::{
    APPLICATION, AUTHTOKEN, AZURE, BROKER, CEPH, DATABASE, ENCRYPTION, GCS, Heard, LIMITS, PASSWORD, POLICY, PROXY,
    S3_ACCESS, S3_SECRET, SWIFT_KEY, SWIFT_REFERENCE, SWIFT_USER, VMWARE,
};

/// A configuration that is not what it should be.
struct Flawed {
    /// Sections beside those that every server needs.
    text: String,
    /// Files beside the configuration, by name.
    files: Vec<(&'static str, String)>,
    /// What `config check` says of it; empty if it finds nothing wrong.
    found: &'static str,
}

impl Flawed {
    fn new(text: impl Into<String>, found: &'static str) -> Self {
        Self { text: text.into(), files: Vec::new(), found }
    }

    fn beside(mut self, name: &'static str, content: String) -> Self {
        self.files.push((name, content));
        self
    }
}

/// A dollar sign in a password that was not doubled.
const REFERENCE: &str = "a dollar sign of its own is written $$";

/// Whom the server speaks to, and keys of its own.
fn of_services() -> Vec<Flawed> {
    [of_brokers(), of_keys(), of_keystone()].into_iter().flatten().collect()
}

fn of_brokers() -> Vec<Flawed> {
    let messages = |url: &str, found| {
        let text = format!("[DEFAULT]\ntransport_url = {url}\n[oslo_messaging_notifications]\ndriver = messagingv2\n");
        Flawed::new(text, found)
    };
    vec![
        messages(&format!("rabbit://glance:{BROKER}@[::1/"), "an IPv6 address ends with ]"),
        messages(&format!("rabbit://glance:{BROKER}@host:port/"), "a port is a number"),
        messages(&format!("rabbit://glance:%zz{BROKER}@host/"), ""),
        messages(&format!("kafka://glance:{BROKER}@host/"), "only brokers that rabbit:// leads to"),
        messages(&format!("glance:{BROKER}@host/"), "a transport URL begins with rabbit://"),
        messages(&format!("rabbit://glance:{BROKER}@host/?ssl={BROKER}"), "must set ssl to a value that it can have"),
        messages(&format!("rabbit://glance:p$${BROKER}$unknown@host/"), REFERENCE),
    ]
}

fn of_keys() -> Vec<Flawed> {
    let database = |url: &str, found| Flawed::new(format!("[database]\nconnection = {url}\n"), found);
    let default = |options: &str, found| Flawed::new(format!("[DEFAULT]\n{options}\n"), found);
    vec![
        database(&format!("mysql+pymysql://glance:{DATABASE}@host/glance"), "keeps its records in SQLite alone"),
        database(DATABASE, "must be a database URL"),
        database(&format!("postgresql://glance:p${DATABASE}@host/glance"), REFERENCE),
        default(&format!("metadata_encryption_key = {ENCRYPTION}x"), "must be 16, 24 or 32 bytes long"),
        default(&format!("metadata_encryption_key = x${{{ENCRYPTION}}}"), REFERENCE),
        default(&format!("public_endpoint = http://$transport_url\ntransport_url = p${BROKER}"), REFERENCE),
        default(
            &format!("metadata_encryption_keys = {ENCRYPTION}\nadmin_password = {AUTHTOKEN}"),
            "unknown option [DEFAULT] metadata_encryption_keys",
        ),
        default(&format!("debug = true\n{AUTHTOKEN}"), "an option needs '=' or ':'"),
    ]
}

fn of_keystone() -> Vec<Flawed> {
    let keystone = |options: &str, found| {
        Flawed::new(format!("[keystone_authtoken]\n{options}\n[glance_rs]\nauth_mode = keystone\n"), found)
    };
    let limits = |options: &str, found| {
        Flawed::new(format!("[DEFAULT]\nuse_keystone_limits = true\n[oslo_limit]\n{options}\n"), found)
    };
    let url = "must be an http or https URL";
    let kind = "must be password, v3password or v3applicationcredential";
    let account = format!("username = glance\npassword = {AUTHTOKEN}");
    vec![
        keystone(&format!("auth_url = ftp://u:{AUTHTOKEN}@h\n{account}"), url),
        keystone(&format!("auth_url = http://u:{AUTHTOKEN}@[::1\n{account}"), url),
        keystone(&format!("auth_url = http://u:{AUTHTOKEN}@127.0.0.1:1\n{account}"), ""),
        keystone(&format!("auth_url = http://h\nauth_type = token\ntoken = {AUTHTOKEN}"), kind),
        keystone(&format!("auth_url = http://h\nusername = glance\npasword = {AUTHTOKEN}"), "password must be set"),
        keystone(&format!("auth_url = http://h\nusername = glance\npassword = correct${AUTHTOKEN}"), REFERENCE),
        keystone(
            &format!("auth_url = http://h\napplication_credential_secret = {APPLICATION}"),
            "somebody has to ask Keystone",
        ),
        limits(&format!("auth_url = ftp://u:{LIMITS}@h\nusername = glance\npassword = {LIMITS}\nendpoint_id = e"), url),
        limits(
            &format!("auth_url = http://h\nauth_type = x\npassword = {LIMITS}\nendpoint_override = x://u:{LIMITS}@h"),
            kind,
        ),
    ]
}

fn store(kind: &str, options: &str, found: &'static str) -> Flawed {
    let text = format!("[DEFAULT]\nenabled_backends = x:{kind}\n[glance_store]\ndefault_backend = x\n[x]\n{options}\n");
    Flawed::new(text, found)
}

fn of_swift() -> Vec<Flawed> {
    let address = "swift_store_auth_version = 3\nswift_store_auth_address";
    let url = "the auth address is not an http or https URL";
    let references = |content: String, found| {
        store("swift", "swift_store_config_file = swift.conf", found).beside("swift.conf", content)
    };
    vec![
        store(
            "swift",
            &format!("{address} = http://u:{SWIFT_KEY}@[::1\nswift_store_user = {SWIFT_USER}\nswift_store_key = k"),
            url,
        ),
        store(
            "swift",
            &format!("{address} = http://h/v3\nswift_store_user = {SWIFT_USER}"),
            "swift_store_key is not set",
        ),
        store(
            "swift",
            &format!("{address} = http://h/v3\nswift_store_key = {SWIFT_KEY}"),
            "swift_store_user is not set",
        ),
        references(
            format!(
                "[ref1]\nuser = p:u\nkey = {SWIFT_REFERENCE}\nauth_version = {SWIFT_REFERENCE}\n{SWIFT_REFERENCE}\n"
            ),
            "auth_address is not set",
        ),
        references(
            format!(
                "[ref1]\nuser = {SWIFT_REFERENCE}\nkey = {SWIFT_REFERENCE}\nauth_address = x://{SWIFT_REFERENCE}\n"
            ),
            url,
        ),
    ]
}

fn of_object_stores() -> Vec<Flawed> {
    let s3 = |host: &str, found| {
        let keys = format!("s3_store_access_key = {S3_ACCESS}\ns3_store_secret_key = {S3_SECRET}");
        store("s3", &format!("s3_store_host = {host}\n{keys}\ns3_store_bucket = b"), found)
    };
    let azure = |options: &str, found| {
        store("azure", &format!("azure_store_account = a\nazure_store_container = c\n{options}"), found)
    };
    let host = "the host must be http:// or https:// and a host name";
    let key = "the key of the service account cannot be used";
    let gcs = |content: String, found| {
        store("gcs", "gcs_store_bucket = b\ngcs_store_credentials_file = gcs.json", found).beside("gcs.json", content)
    };
    vec![
        s3(&format!("http://u:{S3_SECRET}@127.0.0.1:1"), host),
        s3(&format!("http://u:{S3_SECRET}@[::1"), host),
        s3(&format!("ftp://u:{S3_SECRET}@h"), host),
        s3(&format!("http://u:p${S3_SECRET}@h"), REFERENCE),
        azure(&format!("azure_store_key = {AZURE}!"), "the account's key cannot be used"),
        azure(
            &format!("azure_store_key = {AZURE}\nazure_store_endpoint = x://u:{AZURE}@h"),
            "the endpoint must be an http or https URL",
        ),
        gcs(format!(r#"{{"private_key": "{GCS}", "client_email": "e", "token_uri": "http://127.0.0.1:1"}}"#), key),
        gcs(format!(r#"{{"private_key": {GCS}"#), key),
        gcs(
            format!(
                "{{\"type\": \"{GCS}\", \"client_email\": \"e\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{GCS}\\n-----END PRIVATE KEY-----\\n\", \"private_key_id\": \"i\"}}"
            ),
            key,
        ),
    ]
}

fn of_other_stores() -> Vec<Flawed> {
    let vmware = |datastores: &str, found| {
        let account = format!("vmware_server_username = u\nvmware_server_password = {VMWARE}");
        store(
            "vmware",
            &format!("vmware_server_host = u:{VMWARE}@h\n{account}\nvmware_datastores = {datastores}"),
            found,
        )
    };
    let proxy = |proxies: &str, found| store("http", &format!("http_proxy_information = {proxies}"), found);
    let pairs = "must be pairs of http or https and a proxy";
    vec![
        vmware("x", "must be <datacenter path>:<datastore>"),
        vmware("d:s", "named by its host name or address"),
        store("rbd", "rbd_store_ceph_conf = ceph.conf", "")
            .beside("ceph.conf", format!("{CEPH}\n[global\nkey = {CEPH}\n")),
        proxy(&format!("ftp:http://u:{PROXY}@h"), pairs),
        proxy(&format!("http:https://u:{PROXY}@h"), pairs),
        proxy(&format!("http:{PROXY}:{PROXY}@h:port"), pairs),
        proxy(PROXY, "must be name:value pairs"),
        proxy(&format!("http:http://u:p${PROXY}@h"), REFERENCE),
    ]
}

/// Files that the configuration leads to.
fn of_files() -> Vec<Flawed> {
    let policy = |rules: String, found| Flawed::new("", found).beside("policy.yaml", rules);
    let paste = |options: &str, found| {
        let text = "[paste_deploy]\nflavor = keystone\nconfig_file = paste.ini\n[glance_rs]\nauth_mode = keystone\n";
        let filter = format!("[filter:authtoken]\npassword = {PASSWORD}\npasswort = {PASSWORD}\n{options}\n");
        let pipeline = "[pipeline:glance-api-keystone]\npipeline = authtoken context app\n";
        Flawed::new(text, found).beside("paste.ini", format!("{pipeline}{filter}"))
    };
    vec![
        policy(format!("get_images: http://u:{POLICY}@h/ or\n"), "does not follow the policy language at word 3"),
        policy(format!("get_images: [http://u:{POLICY}@h\n"), "not a map of rules in YAML"),
        policy(format!("get_images: http://u:{POLICY}@h/\n"), "asks another server"),
        paste(&format!("insecure = {PASSWORD}\n{PASSWORD}"), "an option needs '=' or ':'"),
        paste(&format!("http_request_max_retries = {PASSWORD}"), "auth_url must be set"),
    ]
}

#[test]
fn what_is_said_of_files_that_cannot_be_used_repeats_no_secret() {
    let mut heard = Heard::default();
    let flawed = [of_services(), of_swift(), of_object_stores(), of_other_stores(), of_files()];
    for Flawed { text, files, found } in flawed.into_iter().flatten() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let common = format!("[glance_rs]\nauth_mode = none\ndata_dir = {}/data\n", folder.display());
        fs::write(folder.join("glance-api.conf"), format!("{common}{text}")).unwrap();
        for (name, content) in files {
            fs::write(folder.join(name), content).unwrap();
        }
        let checked = output(folder, &["config", "check"]);
        let checked = [checked.stdout, checked.stderr].concat();
        let said = String::from_utf8_lossy(&checked);
        assert!(!said.is_empty() && said.contains(found), "{text}: {said}");
        heard.note(format!("config check of {text}"), checked);
        heard.note(format!("start with {text}"), said_at_the_start(folder));
        let rules = output(folder, &["policy", "list"]);
        heard.note(format!("policy list with {text}"), [rules.stdout, rules.stderr].concat());
    }
    heard.hides(&[], &[]);
}
