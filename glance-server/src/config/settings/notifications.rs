//! Notifications: who is told what happens.

use std::path::PathBuf;
use std::time::Duration;

use glance_core::events::EventType;
use glance_stores::notify::amqp::{AmqpConfig, Envelope, Login, QueueKind, Quorum, Retries, TransportUrl};
use glance_stores::outbound::{Identity, Tls, Trust};

use crate::config::finding::Finding;
use crate::config::resolve::Resolved;
use crate::config::secret::Secret;

const NOTIFICATIONS: &str = "oslo_messaging_notifications";
const RABBIT: &str = "oslo_messaging_rabbit";

/// Who is told what happens, and how.
#[derive(Debug, Clone)]
pub struct NotificationSettings {
    /// `default_publisher_id` (`image.localhost`).
    pub publisher_id: String,
    /// `disabled_notifications`: names of events and groups that nobody is told of.
    pub disabled: Vec<String>,
    /// `driver = log`: whether each is a line of the log.
    pub log: bool,
    /// `driver = messaging`, `driver = messagingv2`: brokers that each is sent to.
    pub brokers: Vec<AmqpConfig>,
}

impl NotificationSettings {
    pub(super) fn from(options: &Resolved, warnings: &mut Vec<Finding>) -> Self {
        let disabled = options.list("DEFAULT", "disabled_notifications");
        for name in disabled.iter().filter(|name| !is_known(name)) {
            let message = format!("[DEFAULT] disabled_notifications: there are no notifications called {name:?}");
            warnings.push(Finding::new(options.origin("DEFAULT", "disabled_notifications"), message));
        }
        let mut settings = Self {
            publisher_id: options.text("DEFAULT", "default_publisher_id").unwrap_or_default(),
            disabled,
            log: false,
            brokers: Vec::new(),
        };
        for driver in options.list(NOTIFICATIONS, "driver") {
            match driver.as_str() {
                "" | "noop" => {}
                "log" => settings.log = true,
                "messaging" => settings.brokers.extend(broker(options, Envelope::V1)),
                "messagingv2" => settings.brokers.extend(broker(options, Envelope::V2)),
                _ => options.refuse(NOTIFICATIONS, "driver", "must be messagingv2, messaging, log or noop"),
            }
        }
        settings
    }
}

/// Whether the Python server knows such a notification or group. Those of tasks are among them, which this server
/// never sends.
fn is_known(name: &str) -> bool {
    const TASKS: [&str; 7] =
        ["task", "task.create", "task.delete", "task.run", "task.processing", "task.success", "task.failure"];
    name.is_empty() || TASKS.contains(&name) || EventType::ALL.iter().any(|event| event.is_meant_by(name))
}

/// The broker of the section; `None` if it cannot be used, which is noted in `options`.
fn broker(options: &Resolved, envelope: Envelope) -> Option<AmqpConfig> {
    const URL: &str = "transport_url";
    let own = options.secret(NOTIFICATIONS, URL);
    let section = if own.is_some() { NOTIFICATIONS } else { "DEFAULT" };
    let url = own.or_else(|| options.secret("DEFAULT", URL)).unwrap_or_else(|| Secret::new("rabbit://"));
    let url: TransportUrl = match url.expose().parse() {
        Ok(url) => url,
        Err(error) => {
            options.refuse(section, URL, format!("must be usable: {error}"));
            return None;
        }
    };
    let asked = Reader { options, section, url: url.clone() };
    let exchange = options.text("DEFAULT", "control_exchange").unwrap_or_default();
    let config = match AmqpConfig::new(url, &exchange, options.list(NOTIFICATIONS, "topics")) {
        Ok(config) => config,
        Err(error) => {
            options.refuse(NOTIFICATIONS, "topics", format!("must be usable: {error}"));
            return None;
        }
    };
    let retry: Option<i64> = options.int(NOTIFICATIONS, "retry");
    let seconds = |option| Duration::from_secs(asked.number(option));
    Some(AmqpConfig {
        envelope,
        durable: asked.flag("amqp_durable_queues"),
        auto_delete: asked.flag("amqp_auto_delete"),
        queues: asked.queues(),
        login: asked.login(),
        tls: asked.tls(),
        heartbeat: asked.number("heartbeat_timeout_threshold").try_into().unwrap_or(u16::MAX),
        retries: Retries {
            at_most: retry.and_then(|retry| u32::try_from(retry).ok()),
            first: seconds("rabbit_retry_interval"),
            longer_by: seconds("rabbit_retry_backoff"),
            longest: seconds("rabbit_interval_max"),
        },
        ..config
    })
}

/// Reads options of the broker, over which its URL has its way.
struct Reader<'a> {
    options: &'a Resolved,
    /// The section that the URL stands in.
    section: &'static str,
    url: TransportUrl,
}

impl Reader<'_> {
    fn in_url(&self, option: &str) -> Option<&str> {
        let mut options = self.url.options.iter().rev();
        options.find(|(name, _)| name == option).map(|(_, value)| value.as_str())
    }

    fn refuse(&self, option: &str) {
        self.options.refuse(self.section, "transport_url", format!("must set {option} to a value that it can have"));
    }

    fn text(&self, option: &str) -> Option<String> {
        let text = self.in_url(option).map(str::to_owned).or_else(|| self.options.text(RABBIT, option));
        text.filter(|text| !text.is_empty())
    }

    fn flag(&self, option: &str) -> bool {
        let Some(text) = self.in_url(option) else { return self.options.flag(RABBIT, option) };
        match text.to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => {
                self.refuse(option);
                false
            }
        }
    }

    fn number(&self, option: &str) -> u64 {
        let Some(text) = self.in_url(option) else { return self.options.int(RABBIT, option).unwrap_or_default() };
        text.parse().unwrap_or_else(|_| {
            self.refuse(option);
            0
        })
    }

    fn queues(&self) -> QueueKind {
        let limit = |option| u32::try_from(self.number(option)).unwrap_or(u32::MAX);
        match (self.flag("rabbit_quorum_queue"), self.flag("rabbit_ha_queues")) {
            (false, false) => QueueKind::Classic,
            (false, true) => QueueKind::Mirrored,
            (true, mirrored) => {
                if mirrored {
                    let must = "must be false where rabbit_quorum_queue is true: a queue is mirrored in one way";
                    self.options.refuse(RABBIT, "rabbit_ha_queues", must);
                }
                QueueKind::Quorum(Quorum {
                    delivery_limit: limit("rabbit_quorum_delivery_limit"),
                    max_memory_length: limit("rabbit_quorum_max_memory_length"),
                    max_memory_bytes: limit("rabbit_quorum_max_memory_bytes"),
                })
            }
        }
    }

    fn login(&self) -> Login {
        match self.text("rabbit_login_method").as_deref() {
            Some("EXTERNAL") => Login::External,
            // Both say name and password; the broker knows them in either form.
            Some("PLAIN" | "AMQPLAIN") | None => Login::Password,
            Some(_) => {
                self.options.refuse(RABBIT, "rabbit_login_method", "must be PLAIN, AMQPLAIN or EXTERNAL");
                Login::Password
            }
        }
    }

    fn tls(&self) -> Option<Tls> {
        if !self.flag("ssl") {
            return None;
        }
        let path = |option| self.text(option).map(PathBuf::from);
        let identity = match (path("ssl_cert_file"), path("ssl_key_file")) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (None, None) => None,
            _ => {
                self.options.refuse(RABBIT, "ssl_cert_file", "must stand with ssl_key_file: neither is of use alone");
                None
            }
        };
        Some(Tls { trust: path("ssl_ca_file").map_or(Trust::System, Trust::CaFile), identity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{problems, settings, warnings};

    const V2: &str = "[oslo_messaging_notifications]\ndriver = messagingv2\n";

    fn broker_of(text: &str) -> AmqpConfig {
        settings(text).notifications.brokers.remove(0)
    }

    #[test]
    fn nobody_is_told_unless_somebody_says_so() {
        for text in ["", "[oslo_messaging_notifications]\ndriver = noop", "[oslo_messaging_notifications]\ndriver ="] {
            let read = settings(text).notifications;
            assert!(!read.log && read.brokers.is_empty(), "{text}");
        }
    }

    #[test]
    fn several_drivers_may_be_named() {
        let read = settings(&format!("{V2}driver = log\ndriver = messaging")).notifications;
        let envelopes: Vec<_> = read.brokers.iter().map(|broker| broker.envelope).collect();
        assert_eq!((read.log, &envelopes[..]), (true, &[Envelope::V2, Envelope::V1][..]));
        assert_eq!(read.publisher_id, "image.localhost");
    }

    #[test]
    fn a_broker_is_as_the_library_has_it_unless_something_is_said() {
        let read = broker_of(V2);
        assert_eq!((read.url.hosts[0].name.as_str(), read.exchange.as_str()), ("localhost", "glance"));
        assert_eq!(read.topics, ["notifications"]);
        assert_eq!((read.heartbeat, read.retries, read.tls), (60, Retries::default(), None));
        assert_eq!((read.durable, read.auto_delete, read.queues), (false, false, QueueKind::Classic));
    }

    #[test]
    fn the_url_of_notifications_comes_before_the_common_one() {
        let common = "[DEFAULT]\ntransport_url = rabbit://common\ncontrol_exchange = x\n";
        assert_eq!(broker_of(&format!("{common}{V2}")).url.hosts[0].name, "common");
        let read = broker_of(&format!("{common}{V2}transport_url = rabbit://own\ntopics = a, b\nretry = 3"));
        assert_eq!((read.url.hosts[0].name.as_str(), read.exchange.as_str()), ("own", "x"));
        assert_eq!((read.topics, read.retries.at_most), (vec!["a".to_owned(), "b".to_owned()], Some(3)));
    }

    #[test]
    fn options_of_the_url_come_before_those_of_the_section() {
        let rabbit = "[oslo_messaging_rabbit]\nssl = false\nrabbit_quorum_queue = true\nheartbeat_timeout_threshold = 7\n\
                      rabbit_quorum_delivery_limit = 4";
        let read = broker_of(&format!(
            "{V2}transport_url = rabbit://h/?ssl=1&ssl_ca_file=/ca.pem&heartbeat_timeout_threshold=9\n{rabbit}"
        ));
        assert_eq!(read.tls, Some(Tls { trust: Trust::CaFile("/ca.pem".into()), identity: None }));
        assert_eq!((read.heartbeat, read.login), (9, Login::Password));
        assert_eq!(read.queues, QueueKind::Quorum(Quorum { delivery_limit: 4, ..Quorum::default() }));
    }

    #[test]
    fn nonsense_is_named_and_shows_no_password() {
        let section = "[oslo_messaging_rabbit]\n";
        for (text, named) in [
            ("[oslo_messaging_notifications]\ndriver = carrier-pigeon".to_owned(), "driver"),
            (format!("{V2}transport_url = kafka://u:canary@h"), "transport_url"),
            (format!("{V2}transport_url = rabbit://u:canary@h:x"), "transport_url"),
            (format!("{V2}transport_url = rabbit://u:canary@h/?ssl=canary"), "ssl"),
            (format!("{V2}topics = {}", "t".repeat(201)), "topics"),
            (format!("{V2}{section}rabbit_login_method = RABBIT-CR-DEMO"), "rabbit_login_method"),
            (format!("{V2}{section}rabbit_quorum_queue = 1\nrabbit_ha_queues = 1"), "rabbit_ha_queues"),
            (format!("{V2}{section}ssl = 1\nssl_key_file = k"), "ssl_key_file"),
        ] {
            let found = problems(&text);
            assert!(found.len() == 1 && found[0].contains(named), "{text}: {found:?}");
            assert!(!found[0].contains("canary"), "{found:?}");
        }
    }

    #[test]
    fn unknown_notifications_are_named() {
        let text = "[DEFAULT]\ndisabled_notifications = image.member, task.run, metadef_tag, image.crate";
        assert_eq!(
            warnings(text),
            ["glance-api.conf:2: [DEFAULT] disabled_notifications: there are no notifications called \"image.crate\""]
        );
        assert_eq!(settings(text).notifications.disabled.len(), 4);
    }

    #[test]
    fn settings_print_no_password() {
        let printed = format!("{:?}", broker_of(&format!("{V2}transport_url = rabbit://u:canary@h/?x=canary")));
        assert!(!printed.contains("canary"), "{printed}");
    }
}
