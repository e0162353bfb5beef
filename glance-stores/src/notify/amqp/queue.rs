//! What waits for the broker.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use glance_core::events::Priority;
use tokio::sync::Notify;

use super::Limits;

/// A message on its way.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) priority: Priority,
    pub(super) body: Bytes,
}

/// A bounded queue between those who make messages and the one who sends them.
#[derive(Debug)]
pub(super) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Outgoing>,
    /// Messages that the sender has in hand.
    in_hand: usize,
    /// Of all messages, waiting or in hand.
    bytes: usize,
    lost: u64,
    /// When it was last said that messages are lost.
    said: Option<Instant>,
    closed: bool,
}

/// How often it is said that messages are lost.
const SILENCE: Duration = Duration::from_secs(60);

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), changed: Notify::new() }
    }

    /// Takes a message, in the place of the oldest ones where there is no more room.
    pub(super) fn push(&self, message: Outgoing) {
        let mut state = self.lock();
        if state.closed || message.body.len() > self.limits.bytes {
            state.lose(1);
            return;
        }
        let size = message.body.len();
        while state.waiting.len() + state.in_hand >= self.limits.messages || state.bytes + size > self.limits.bytes {
            let Some(oldest) = state.waiting.pop_front() else {
                // All the room is taken by what is being sent.
                state.lose(1);
                return;
            };
            state.bytes -= oldest.body.len();
            state.lose(1);
        }
        state.bytes += size;
        state.waiting.push_back(message);
        drop(state);
        self.changed.notify_one();
    }

    /// The next messages, at most `count`; none when the queue is closed and empty. They count
    /// until they are [`done`](Self::done).
    pub(super) async fn take(&self, count: usize) -> Vec<Outgoing> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                let count = count.min(state.waiting.len());
                if count > 0 || state.closed {
                    state.in_hand += count;
                    return state.waiting.drain(..count).collect();
                }
            }
            changed.await;
        }
    }

    /// Forgets messages that were taken: they were sent.
    pub(super) fn done(&self, messages: &[Outgoing]) {
        let mut state = self.lock();
        state.in_hand -= messages.len();
        state.bytes -= messages.iter().map(|message| message.body.len()).sum::<usize>();
    }

    /// Forgets messages that were taken: they were given up.
    pub(super) fn give_up(&self, messages: &[Outgoing]) {
        self.done(messages);
        self.lock().lose(messages.len() as u64);
    }

    /// Takes no more messages.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Messages that were not sent.
    pub(super) fn left(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + state.in_hand
    }

    pub(super) fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lose(&mut self, count: u64) {
        self.lost += count;
        if self.said.is_none_or(|said| said.elapsed() >= SILENCE) {
            self.said = Some(Instant::now());
            tracing::warn!(lost = self.lost, waiting = self.waiting.len(), "notifications are lost: nobody takes them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &'static str) -> Outgoing {
        Outgoing { priority: Priority::Info, body: Bytes::from_static(text.as_bytes()) }
    }

    fn texts(messages: &[Outgoing]) -> Vec<&str> {
        messages.iter().map(|message| std::str::from_utf8(&message.body).unwrap()).collect()
    }

    #[tokio::test]
    async fn the_oldest_make_room() {
        let queue = Queue::new(Limits { messages: 2, bytes: 100 });
        for text in ["a", "b", "c"] {
            queue.push(message(text));
        }
        assert_eq!(texts(&queue.take(9).await), ["b", "c"]);
        assert_eq!(queue.lost(), 1);
    }

    #[tokio::test]
    async fn bytes_count_until_they_are_sent() {
        let queue = Queue::new(Limits { messages: 100, bytes: 10 });
        queue.push(message("12345"));
        let taken = queue.take(1).await;
        queue.push(message("123456"));
        queue.push(message("too long for it all"));
        assert_eq!((queue.lost(), queue.left()), (2, 1));
        queue.push(message("1234"));
        queue.push(message("123"));
        assert_eq!((queue.lost(), queue.left()), (3, 2));
        queue.done(&taken);
        queue.push(message("1234567"));
        assert_eq!((queue.lost(), queue.left()), (3, 2));
        let taken = queue.take(9).await;
        assert_eq!(texts(&taken), ["123", "1234567"]);
        queue.give_up(&taken);
        assert_eq!((queue.lost(), queue.left()), (5, 0));
    }

    #[tokio::test]
    async fn a_closed_queue_is_emptied_and_takes_no_more() {
        let queue = Queue::new(Limits::default());
        queue.push(message("a"));
        queue.close();
        queue.push(message("b"));
        assert_eq!(texts(&queue.take(9).await), ["a"]);
        assert_eq!((queue.take(9).await.len(), queue.lost()), (0, 1));
    }
}
