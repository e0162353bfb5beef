//! What must not come to light, and the spellings it might come to light in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use crate::fake::OWN_TOKEN;

/// Every secret that is the same in each test, by where it stands.
///
/// They are of letters and digits, which most encodings leave as they are: what stands around them in a
/// configuration may be encoded, they are found all the same.
pub(crate) const SECRETS: &[(&str, &str)] = &[
    ("[keystone_authtoken] password", AUTHTOKEN),
    ("[keystone_authtoken] application_credential_secret", APPLICATION),
    ("[keystone_authtoken] memcache_secret_key", MEMCACHE),
    ("[oslo_limit] password", LIMITS),
    ("[DEFAULT] transport_url", BROKER),
    ("[DEFAULT] metadata_encryption_key", ENCRYPTION),
    ("[database] slave_connection", DATABASE),
    ("swift_store_user", SWIFT_USER),
    ("swift_store_key", SWIFT_KEY),
    ("key in swift_store_config_file", SWIFT_REFERENCE),
    ("s3_store_access_key", S3_ACCESS),
    ("s3_store_secret_key", S3_SECRET),
    ("azure_store_key", AZURE),
    ("vmware_server_password", VMWARE),
    ("key in rbd_store_ceph_conf", CEPH),
    ("private_key in gcs_store_credentials_file", GCS),
    ("http_proxy_information", PROXY),
    ("URL in a policy file", POLICY),
    ("token of a caller", TOKEN),
    ("token of an administrator", ADMIN),
    ("token of a service", SERVICE),
    ("X-Service-Token", SERVICE_HEADER),
    ("unknown token", UNKNOWN),
    ("token that Keystone gave the server", OWN_TOKEN),
    ("answer of Keystone", ANSWER),
    ("credentials in a location", LOCATION),
    ("signature in a location", SIGNATURE),
    ("credentials in a refused location", REFUSED),
    ("password of a user", PASSWORD),
    ("wrong password", WRONG),
    ("query of a request", QUERY),
    ("header of a request", HEADER),
];

pub(crate) const AUTHTOKEN: &str = "cAnary0authtoken";
pub(crate) const APPLICATION: &str = "cAnary0application";
pub(crate) const MEMCACHE: &str = "cAnary0memcache";
pub(crate) const LIMITS: &str = "cAnary0limits";
pub(crate) const BROKER: &str = "cAnary0broker";
/// Has one of the lengths that keys of AES have.
pub(crate) const ENCRYPTION: &str = "cAnary0encryptng";
pub(crate) const DATABASE: &str = "cAnary0database";
pub(crate) const SWIFT_USER: &str = "cAnary0swiftuser";
pub(crate) const SWIFT_KEY: &str = "cAnary0swiftkey";
pub(crate) const SWIFT_REFERENCE: &str = "cAnary0swiftreference";
pub(crate) const S3_ACCESS: &str = "cAnary0s3access";
pub(crate) const S3_SECRET: &str = "cAnary0s3secret";
/// As all keys of Azure, base64 of something.
pub(crate) const AZURE: &str = "cAnary0azurekeys";
pub(crate) const VMWARE: &str = "cAnary0vmware";
pub(crate) const CEPH: &str = "cAnary0ceph";
pub(crate) const GCS: &str = "cAnary0gcs";
pub(crate) const PROXY: &str = "cAnary0proxy";
pub(crate) const POLICY: &str = "cAnary0policy";
pub(crate) const TOKEN: &str = "cAnary0token";
pub(crate) const ADMIN: &str = "cAnary0admin";
pub(crate) const SERVICE: &str = "cAnary0service";
pub(crate) const SERVICE_HEADER: &str = "cAnary0servheader";
pub(crate) const UNKNOWN: &str = "cAnary0unknown";
pub(crate) const ANSWER: &str = "cAnary0answer";
pub(crate) const LOCATION: &str = "cAnary0location";
pub(crate) const SIGNATURE: &str = "cAnary0signature";
pub(crate) const REFUSED: &str = "cAnary0refused";
pub(crate) const PASSWORD: &str = "cAnary0password";
pub(crate) const WRONG: &str = "cAnary0wrong";
pub(crate) const QUERY: &str = "cAnary0query";
pub(crate) const HEADER: &str = "cAnary0header";

/// A spelling of a secret, in one character a byte.
#[derive(Debug)]
struct Spelling {
    form: &'static str,
    text: String,
    /// Whether capital letters are the same as small ones: host names lose them, and digits of base 16 have either.
    any_case: bool,
}

/// Every spelling of `secret` that is looked for. As it is also stands for it percent-encoded, in a query or in JSON,
/// which all leave letters and digits alone unless somebody encodes everything.
fn spellings(secret: &[u8]) -> Vec<Spelling> {
    let each = |digits: &dyn Fn(&u8) -> String| secret.iter().map(digits).collect::<String>();
    let plain = [
        ("as it is", characters(secret).to_ascii_lowercase()),
        ("percent-encoded", each(&|byte| format!("%{byte:02x}"))),
        ("escaped in JSON", each(&|byte| format!("\\u{byte:04x}"))),
        ("in base 16", each(&|byte| format!("{byte:02x}"))),
    ];
    let plain = plain.into_iter().map(|(form, text)| Spelling { form, text, any_case: true });
    let base64 = (0..3).flat_map(|before| {
        let standard = in_base64(secret, before);
        let safe = standard.replace('+', "-").replace('/', "_");
        [("in base64", standard), ("in base64 for URLs", safe)]
    });
    let base64 = base64.map(|(form, text)| Spelling { form, text, any_case: false });
    plain.chain(base64).collect()
}

/// A character for each byte: quick to search, and whatever the bytes are.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The characters of base64 that are the same whatever stands around `secret`, `before` bytes into a group of three.
fn in_base64(secret: &[u8], before: usize) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.iter().copied()).collect();
    let whole = padded.len() - padded.len() % 3;
    let text = BASE64_STANDARD_NO_PAD.encode(&padded[..whole]);
    text[if before == 0 { 0 } else { 4 }..].to_owned()
}

/// The spelling in which `text` shows `secret`; `None` if it does not.
pub(crate) fn shown(text: &[u8], secret: &[u8]) -> Option<&'static str> {
    Text::new(text).shows(secret)
}

/// What is searched, as it is and in small letters.
struct Text {
    exact: String,
    small: String,
}

impl Text {
    fn new(bytes: &[u8]) -> Self {
        let exact = characters(bytes);
        Self { small: exact.to_ascii_lowercase(), exact }
    }

    fn shows(&self, secret: &[u8]) -> Option<&'static str> {
        let text = |spelling: &Spelling| if spelling.any_case { &self.small } else { &self.exact };
        let found = spellings(secret).into_iter().find(|spelling| text(spelling).contains(&spelling.text));
        found.map(|spelling| spelling.form)
    }
}

/// All that is heard of a server, and where.
#[derive(Debug, Default)]
pub(crate) struct Heard(Vec<(String, Vec<u8>)>);

impl Heard {
    pub(crate) fn note(&mut self, place: impl Into<String>, text: impl Into<Vec<u8>>) {
        self.0.push((place.into(), text.into()));
    }

    /// All that was heard in places whose names begin so.
    pub(crate) fn at(&self, place: &str) -> String {
        let texts = self.0.iter().filter(|(at, _)| at.starts_with(place));
        texts.map(|(_, text)| String::from_utf8_lossy(text)).collect()
    }

    /// Fails if any of [`SECRETS`] or of `more` was heard, but for what the `allowed` places may say.
    pub(crate) fn hides(&self, more: &[(&str, Vec<u8>)], allowed: &[(&str, &str)]) {
        let fixed = SECRETS.iter().map(|(name, secret)| (*name, secret.as_bytes()));
        let secrets: Vec<_> = fixed.chain(more.iter().map(|(name, secret)| (*name, secret.as_slice()))).collect();
        let mut leaks = Vec::new();
        for (place, text) in &self.0 {
            let whole = Text::new(text);
            let may = |name: &str| allowed.iter().any(|(at, what)| place.starts_with(at) && *what == name);
            for (name, secret) in secrets.iter().filter(|(name, _)| !may(name)) {
                if let Some(form) = whole.shows(secret) {
                    let mut lines = text.split(|byte| *byte == b'\n');
                    let line = lines.find(|line| shown(line, secret).is_some()).unwrap_or_default();
                    leaks.push(format!("{place} shows {name} {form}: {}", String::from_utf8_lossy(line)));
                }
            }
        }
        assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    }
}

#[test]
fn every_spelling_is_found_wherever_it_stands() {
    let secret = "cAnary0secret";
    for before in ["", "u", "us", "user:"] {
        let text = format!("{before}{secret}@rest");
        let digits = |digits: &dyn Fn(u8) -> String| text.bytes().fold(String::new(), |all, byte| all + &digits(byte));
        let percent = digits(&|byte| format!("%{byte:02X}"));
        let json = digits(&|byte| format!("\\u{byte:04x}"));
        let base16 = digits(&|byte| format!("{byte:02X}"));
        let base64 = BASE64_STANDARD_NO_PAD.encode(&text);
        for spelt in [text, percent, json, base16, base64, serde_json::json!({"a": format!("\"{secret}")}).to_string()]
        {
            let line = format!("line one\nINFO url={spelt} more");
            assert!(shown(line.as_bytes(), secret.as_bytes()).is_some(), "{line}");
        }
    }
    assert_eq!(shown(b"cAnary0 secret, and a canary", secret.as_bytes()), None);
    // Bytes that look different in the two alphabets of base64.
    let key = [0xfb, 0xff, 0xbe, 0xfb, 0xef, 0xbe, 0xfb, 0xff, 0xfe];
    let safe = base64::prelude::BASE64_URL_SAFE.encode(key);
    assert!(safe.contains(['-', '_']) && shown(safe.as_bytes(), &key).is_some(), "{safe}");
}

#[test]
#[should_panic(expected = "log shows wrong password in base64")]
fn what_is_heard_and_not_allowed_fails_the_test() {
    let mut heard = Heard::default();
    heard.note("owner", format!("http://user:{LOCATION}@h/"));
    heard.hides(&[], &[("owner", "credentials in a location")]);
    heard.note("log", format!("Basic {}", BASE64_STANDARD_NO_PAD.encode(format!("user:{WRONG}"))));
    heard.hides(&[], &[("owner", "credentials in a location")]);
}
