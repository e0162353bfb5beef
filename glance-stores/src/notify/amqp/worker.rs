//! Sends what is in the queue, whatever becomes of the brokers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::{AmqpConfig, Retries};
use super::queue::{Outgoing, Queue};
use super::session::{SendError, Sent, Session};
use crate::outbound::{Connector, TlsError};

/// Messages that are on their way to the broker at once.
const AT_ONCE: usize = 64;

/// How often it is said that a broker is away.
const SILENCE: Duration = Duration::from_secs(60);

/// The one that sends.
pub(super) struct Worker {
    config: AmqpConfig,
    queue: Arc<Queue>,
    connector: Connector,
    session: Option<Session>,
    /// The host that is asked next.
    next: usize,
    /// When it was last said that a broker is away; `None` while one is there.
    said: Option<Instant>,
}

impl Worker {
    pub(super) fn new(config: AmqpConfig, queue: Arc<Queue>) -> Result<Self, TlsError> {
        let connector = config.connector()?;
        Ok(Self { config, queue, connector, session: None, next: 0, said: None })
    }

    /// Ends when the queue is closed and empty.
    pub(super) async fn run(mut self) {
        loop {
            let messages = self.queue.take(AT_ONCE).await;
            if messages.is_empty() {
                break;
            }
            self.deliver(messages).await;
        }
        if let Some(session) = self.session {
            session.close().await;
        }
    }

    /// Sends messages until none is left, or they were tried often enough.
    async fn deliver(&mut self, mut messages: Vec<Outgoing>) {
        let mut pauses = Pauses::of(self.config.retries);
        let mut failures = 0;
        loop {
            // A connection that was open may have ended long ago, which is no reason to wait.
            let was_open = self.session.is_some();
            let sent = self.attempt(messages).await;
            self.queue.done(&sent.confirmed);
            messages = sent.left;
            let Some(error) = sent.failure else { return };
            self.session = None;
            if was_open {
                let error = self.config.url.masked(&error.to_string());
                tracing::debug!(error, "the connection to the message broker ended");
                continue;
            }
            failures += 1;
            self.say(&error);
            if self.config.retries.at_most.is_some_and(|most| failures > most) {
                self.queue.give_up(&messages);
                return;
            }
            tokio::time::sleep(pauses.next()).await;
        }
    }

    async fn attempt(&mut self, messages: Vec<Outgoing>) -> Sent {
        let session = match self.session.take() {
            Some(session) => session,
            None => match self.connect().await {
                Ok(session) => session,
                Err(error) => return Sent { left: messages, failure: Some(error), ..Sent::default() },
            },
        };
        self.session.insert(session).publish(messages, &self.config).await
    }

    /// Asks one host after the other, beginning behind the one that was asked last.
    async fn connect(&mut self) -> Result<Session, SendError> {
        let mut failure = SendError::Silence;
        for _ in 0..self.config.url.hosts.len() {
            let host = &self.config.url.hosts[self.next % self.config.url.hosts.len()];
            self.next = self.next.wrapping_add(1);
            match Session::open(host, &self.config, &self.connector).await {
                Ok(session) => {
                    tracing::info!(host = host.name, "notifications go to the message broker");
                    self.said = None;
                    return Ok(session);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn say(&mut self, error: &SendError) {
        if self.said.is_none_or(|said| said.elapsed() >= SILENCE) {
            self.said = Some(Instant::now());
            let waiting = self.queue.left();
            let error = self.config.url.masked(&error.to_string());
            tracing::warn!(error, waiting, "notifications wait: the message broker does not take them");
        }
    }
}

/// So that a broker that is away costs no processor, whatever is configured.
const SHORTEST: Duration = Duration::from_millis(100);

/// The pauses between tries, each longer than the one before up to the longest.
struct Pauses {
    next: Duration,
    retries: Retries,
}

impl Pauses {
    fn of(retries: Retries) -> Self {
        Self { next: retries.first, retries }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next.min(self.retries.longest).max(SHORTEST);
        self.next = pause.saturating_add(self.retries.longer_by);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest() {
        let mut pauses = Pauses::of(Retries::default());
        let seconds: Vec<_> = (0..18).map(|_| pauses.next().as_secs()).collect();
        assert_eq!(seconds[..4], [1, 3, 5, 7]);
        assert_eq!(seconds[14..], [29, 30, 30, 30]);
    }
}
