//! Messages as lines of the log (`driver = log`).

use std::fmt::Write as _;

use glance_core::events::Priority;
use serde_json::{Value, json};

use super::{Driver, Message};

/// Writes each message as JSON, as a line of `oslo.messaging.notification`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogDriver;

impl Driver for LogDriver {
    fn send(&self, message: &Message) {
        let text = in_ascii(&masked(json!(message)).to_string());
        match message.priority() {
            Priority::Info => tracing::info!(target: "oslo.messaging.notification", "{text}"),
            Priority::Error => tracing::error!(target: "oslo.messaging.notification", "{text}"),
        }
    }
}

/// Words in the names of properties that clients may keep secrets under: logs are read by more people than images.
const TELLING: [&str; 13] = [
    "adminpass",
    "admin_pass",
    "password",
    "new_pass",
    "token",
    "secret",
    "sys_pswd",
    "configdrive",
    "encrypted_key",
    "private_key",
    "fernetkey",
    "sslkey",
    "passphrase",
];

/// The same JSON with every other character escaped, as Python writes it: a log escapes some in a way of its own.
fn in_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\x7f' {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string does not fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

fn masked(mut value: Value) -> Value {
    match &mut value {
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                let name = name.to_lowercase();
                let is_telling = TELLING.iter().any(|word| name.contains(word));
                *value = if is_telling { "***".into() } else { masked(value.take()) };
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = masked(item.take());
            }
        }
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_name_the_line_is_json() {
        let told = json!({"name": "x\u{202e}y\u{1f980} \"ü\" \u{7f}\n"});
        let line = in_ascii(&told.to_string());
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), told);
    }

    #[test]
    fn what_sounds_like_a_secret_is_masked() {
        let told = json!({"payload": {"properties": {"Admin_Password": "canary", "os": "a"}, "tags": [{"token": 1}]}});
        let masked = masked(told);
        assert_eq!(
            masked,
            json!({"payload": {"properties": {"Admin_Password": "***", "os": "a"}, "tags": [{"token": "***"}]}})
        );
    }
}
