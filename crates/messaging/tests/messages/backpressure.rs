use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use iggy_binary_protocol::codes::SEND_MESSAGES_CODE;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{MessagingError, Producer};

use crate::support::{server, with_topic};

/// A payload that knows how many bytes of its kind are in memory.
struct Counted {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl Counted {
    fn payload(size: usize, alive: &Arc<AtomicUsize>) -> Bytes {
        alive.fetch_add(size, Ordering::SeqCst);
        Bytes::from_owner(Self {
            bytes: vec![7; size],
            alive: Arc::clone(alive),
        })
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

#[tokio::test]
async fn who_sends_faster_than_the_server_takes_waits_instead_of_filling_the_memory() {
    const BUFFER: usize = 64 * 1024;
    const PAYLOAD: usize = 1024;
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let slow = FaultKind::Delay(Duration::from_millis(2));
    let sends = FaultTarget::Command(SEND_MESSAGES_CODE);
    server.faults().set(FaultPlan::none().always(slow, sends));
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .buffer_bytes(u32::try_from(BUFFER).unwrap())
        .batch_bytes(16 * 1024)
        .build(Raw)
        .unwrap();
    let alive = Arc::new(AtomicUsize::new(0));
    let mut most = 0;
    // 4 MiB, the buffer 64 times over.
    for _ in 0..4096 {
        drop(
            producer
                .enqueue(Counted::payload(PAYLOAD, &alive))
                .await
                .unwrap(),
        );
        assert!(producer.buffered_bytes() <= BUFFER);
        most = most.max(alive.load(Ordering::SeqCst));
    }
    // The buffer, and the one that waits for room; and it was full.
    assert!(most <= BUFFER + PAYLOAD, "{most}");
    assert!(most > BUFFER / 2, "{most}");
    producer.flush().await;
    assert_eq!(alive.load(Ordering::SeqCst), 0, "nothing is kept");
}

#[tokio::test]
async fn what_is_bigger_than_the_buffer_goes_alone() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .buffer_bytes(1000)
        .build(Raw)
        .unwrap();
    let payloads = [100, 5000, 100].map(|size| Bytes::from(vec![1; size]));
    let deliveries = producer.enqueue_all(payloads).await.unwrap();
    for (delivery, offset) in deliveries.into_iter().zip(0..) {
        assert_eq!(delivery.await.unwrap().offset, Some(offset));
    }
}

#[tokio::test]
async fn who_waits_for_room_is_told_of_the_shutdown() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .buffer_bytes(200)
        .linger(Duration::from_secs(60))
        .build(Raw)
        .unwrap();
    let first = producer.enqueue(Bytes::from(vec![1; 100])).await.unwrap();
    let waiting = {
        let producer = producer.clone();
        tokio::spawn(async move { producer.enqueue(Bytes::from(vec![1; 100])).await })
    };
    tokio::task::yield_now().await;
    producer.shutdown().await;
    assert!(matches!(
        waiting.await.unwrap(),
        Err(MessagingError::Closed)
    ));
    first.await.unwrap();
}
