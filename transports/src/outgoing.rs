//! The framed messages that wait for one client, bounded by their number and their bytes.
//!
//! A message costs its bytes, and an equal share of all bytes at least. So one count bounds both.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{
    Semaphore, TryAcquireError,
    mpsc::{self, UnboundedReceiver, UnboundedSender, WeakUnboundedSender, error::TrySendError},
};

use crate::admission::Admission;

/// The sending end of a queue.
#[derive(Clone)]
pub(crate) struct Sender {
    queue: UnboundedSender<Queued>,
    room: Arc<Room>,
}

/// A sending end that does not keep the queue open.
#[derive(Clone)]
pub(crate) struct WeakSender {
    queue: WeakUnboundedSender<Queued>,
    room: Arc<Room>,
}

/// The receiving end of a queue. Dropping this drops what waits in it.
pub struct Outgoing {
    queue: UnboundedReceiver<Queued>,
    room: Arc<Room>,
}

/// The receiving end was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

struct Queued {
    bytes: Bytes,
    /// The permits that it holds.
    cost: u32,
}

/// The room in a queue: one permit for each byte.
struct Room {
    free: Semaphore,
    max_bytes: u32,
    /// What a small message costs.
    least_bytes: u32,
    /// What counts large messages of all clients until they are written.
    admission: Option<Admission>,
}

/// Creates a queue.
pub(crate) fn queue(
    max_messages: usize,
    max_bytes: usize,
    admission: Option<Admission>,
) -> (Sender, Outgoing) {
    let max_bytes = u32::try_from(max_bytes).unwrap_or(u32::MAX);
    let max_messages = u32::try_from(max_messages).unwrap_or(u32::MAX);
    let room = Arc::new(Room {
        free: Semaphore::new(max_bytes as usize),
        max_bytes,
        least_bytes: (max_bytes / max_messages.max(1)).max(1),
        admission,
    });
    let (sender, receiver) = mpsc::unbounded_channel();
    let sender = Sender {
        queue: sender,
        room: room.clone(),
    };
    let receiver = Outgoing {
        queue: receiver,
        room,
    };
    (sender, receiver)
}

impl Room {
    /// The cost of a message of `bytes`. One that is larger than all room waits for all of it.
    fn cost(&self, bytes: usize) -> u32 {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        bytes.max(self.least_bytes).min(self.max_bytes)
    }

    /// Counts `bytes` among the memory of all calls, until they are written.
    fn counted(&self, bytes: Bytes) -> Bytes {
        match &self.admission {
            Some(admission) => admission.answer(bytes),
            None => bytes,
        }
    }
}

impl Sender {
    /// Returns a sending end that does not keep the queue open.
    pub(crate) fn downgrade(&self) -> WeakSender {
        WeakSender {
            queue: self.queue.downgrade(),
            room: self.room.clone(),
        }
    }

    /// Queues `bytes` if there is room. Those that come back are counted already:
    /// [`Self::send_counted`] takes them.
    ///
    /// # Errors
    /// Those of a bounded channel.
    pub(crate) fn try_send(&self, bytes: Bytes) -> Result<(), TrySendError<Bytes>> {
        let cost = self.room.cost(bytes.len());
        let bytes = self.room.counted(bytes);
        match self.room.free.try_acquire_many(cost) {
            Ok(permits) => permits.forget(),
            Err(TryAcquireError::NoPermits) => return Err(TrySendError::Full(bytes)),
            Err(TryAcquireError::Closed) => return Err(TrySendError::Closed(bytes)),
        }
        let sent = self.queue.send(Queued { bytes, cost });
        sent.map_err(|unsent| TrySendError::Closed(unsent.0.bytes))
    }

    /// Waits for room for `bytes`, which [`Self::try_send`] found none for, and queues them.
    ///
    /// # Errors
    /// When the receiving end was dropped.
    pub(crate) async fn send_counted(&self, bytes: Bytes) -> Result<(), Ended> {
        let cost = self.room.cost(bytes.len());
        self.wait_for(cost).await?;
        self.queue.send(Queued { bytes, cost }).map_err(|_| Ended)
    }

    /// Waits for room for `bytes`, and queues them. They stay where they are meanwhile: dropping
    /// the future loses none.
    ///
    /// # Errors
    /// When the receiving end was dropped.
    pub(crate) async fn send(&self, bytes: &mut Vec<u8>) -> Result<(), Ended> {
        let cost = self.room.cost(bytes.len());
        self.wait_for(cost).await?;
        let bytes = self.room.counted(std::mem::take(bytes).into());
        self.queue.send(Queued { bytes, cost }).map_err(|_| Ended)
    }

    async fn wait_for(&self, cost: u32) -> Result<(), Ended> {
        let permits = self.room.free.acquire_many(cost).await;
        permits.map_err(|_| Ended)?.forget();
        Ok(())
    }

    /// Queues `bytes` whether there is room or not.
    ///
    /// # Errors
    /// When the receiving end was dropped.
    pub(crate) fn push(&self, bytes: Bytes) -> Result<(), Ended> {
        let cost = self.room.cost(bytes.len()) as usize;
        let taken = self.room.free.forget_permits(cost);
        let cost = u32::try_from(taken).unwrap_or(u32::MAX);
        let bytes = self.room.counted(bytes);
        self.queue.send(Queued { bytes, cost }).map_err(|_| Ended)
    }
}

impl WeakSender {
    /// Returns a sending end that keeps the queue open, unless it has ended.
    pub(crate) fn upgrade(&self) -> Result<Sender, Ended> {
        let queue = self.queue.upgrade().ok_or(Ended)?;
        Ok(Sender {
            queue,
            room: self.room.clone(),
        })
    }

    /// Whether there is no room, or a message waits for more than there is.
    pub(crate) fn is_full(&self) -> bool {
        self.room.free.available_permits() == 0
    }
}

impl Outgoing {
    /// Returns the next message, or nothing after the last one.
    pub async fn recv(&mut self) -> Option<Bytes> {
        let queued = self.queue.recv().await?;
        Some(self.take(queued))
    }

    /// Appends the next message, and others that are there already, to `messages`: at most `limit`.
    /// Returns how many; none after the last one.
    pub(crate) async fn recv_many(&mut self, messages: &mut Vec<Bytes>, limit: usize) -> usize {
        let before = messages.len();
        messages.extend(self.recv().await);
        while messages.len() - before < limit
            && let Ok(queued) = self.queue.try_recv()
        {
            let bytes = self.take(queued);
            messages.push(bytes);
        }
        messages.len() - before
    }

    fn take(&self, Queued { bytes, cost }: Queued) -> Bytes {
        self.room.free.add_permits(cost as usize);
        bytes
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        // Those who wait for room learn that there will be none.
        self.room.free.close();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn bytes(count: usize) -> Bytes {
        vec![b'x'; count].into()
    }

    /// Whether a message of `count` bytes is queued at once.
    fn fits(sender: &Sender, count: usize) -> bool {
        sender.try_send(bytes(count)).is_ok()
    }

    #[tokio::test]
    async fn a_queue_is_full_with_its_bytes_or_with_its_messages() {
        let (sender, mut outgoing) = queue(4, 1000, None);
        assert!(fits(&sender, 600) && !fits(&sender, 401) && fits(&sender, 400));
        assert!(sender.downgrade().is_full() && !fits(&sender, 0));
        assert_eq!(outgoing.recv().await.unwrap().len(), 600);
        assert!(!sender.downgrade().is_full());
        assert_eq!(outgoing.recv().await.unwrap().len(), 400);
        for _ in 0..4 {
            assert!(fits(&sender, 1));
        }
        assert!(!fits(&sender, 1));
        let mut messages = Vec::new();
        assert_eq!(outgoing.recv_many(&mut messages, 3).await, 3);
        assert_eq!(outgoing.recv_many(&mut messages, 3).await, 1);
        assert!(fits(&sender, 1000));
    }

    #[tokio::test]
    async fn a_message_larger_than_the_queue_waits_until_that_is_empty() {
        let (sender, mut outgoing) = queue(4, 1000, None);
        assert!(fits(&sender, 1));
        let mut large = vec![b'x'; 5000];
        assert!(sender.send(&mut large).now_or_never().is_none());
        assert_eq!(large.len(), 5000, "nothing is lost");
        outgoing.recv().await;
        assert_eq!(sender.send(&mut large).now_or_never(), Some(Ok(())));
        assert_eq!(outgoing.recv().await.unwrap().len(), 5000);
        assert!(fits(&sender, 1000));
    }

    #[cfg(feature = "tokio-runtime")]
    #[tokio::test]
    async fn an_answer_that_waits_for_room_is_counted() {
        use crate::{
            admission::AdmissionOptions,
            runtime::{Handle, Tokio},
        };

        const KIB: usize = 1024;
        let admission = Admission::new(AdmissionOptions {
            max_bytes: 64 * KIB,
            ..AdmissionOptions::new(Handle::new(Tokio))
        });
        let has_room = |bytes| admission.bytes(bytes).now_or_never().is_some();
        let (sender, mut outgoing) = queue(4, 1000, Some(admission.clone()));
        assert!(fits(&sender, 1));
        let Err(TrySendError::Full(answer)) = sender.try_send(bytes(40 * KIB)) else {
            panic!("it is larger than the queue");
        };
        assert!(has_room(24 * KIB) && !has_room(25 * KIB));
        outgoing.recv().await;
        assert_eq!(sender.send_counted(answer).now_or_never(), Some(Ok(())));
        assert!(!has_room(25 * KIB));
        drop(outgoing.recv().await);
        assert!(has_room(64 * KIB));
    }

    #[tokio::test]
    async fn a_message_that_does_not_wait_gives_back_what_it_took() {
        let (sender, mut outgoing) = queue(4, 1000, None);
        for count in [900, 900, 5] {
            sender.push(bytes(count)).unwrap();
        }
        assert!(sender.downgrade().is_full());
        for count in [900, 900, 5] {
            assert_eq!(outgoing.recv().await.unwrap().len(), count);
        }
        assert!(fits(&sender, 1000) && !fits(&sender, 1));
    }

    #[tokio::test]
    async fn the_end_of_the_receiver_is_told_to_those_who_wait() {
        let (sender, outgoing) = queue(1, 1000, None);
        assert!(fits(&sender, 1));
        let mut second = vec![b'x'];
        let waiting = sender.send(&mut second);
        drop(outgoing);
        assert_eq!(waiting.await, Err(Ended));
        assert!(matches!(
            sender.try_send(bytes(1)),
            Err(TrySendError::Closed(_))
        ));
        assert_eq!(sender.push(bytes(1)), Err(Ended));
        let weak = sender.downgrade();
        drop(sender);
        assert!(weak.upgrade().is_err());
    }
}
