use iggyctl_core::ledger::STREAM;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::ObservedStream;

use super::port::{LedgerRead, LedgerWrite, Log};
use crate::broker::{
    BrokerError, BrokerRead as _, BrokerWrite as _, FoundMessage, MessageProbe, ProbeMessage,
    ReadFrom,
};
use crate::connect::{Connect, ConnectionPool, Lease};
use crate::observe::ReadError;

/// The ledger of the server that a pool is connected to. A read that fails with its
/// connection is made once more on a new one; whether a write is, its caller decides.
#[expect(
    missing_debug_implementations,
    reason = "what a connection is need not have one"
)]
pub struct PooledLedger<'pool, C: Connect> {
    pool: &'pool ConnectionPool<C>,
}

impl<'pool, C: Connect> PooledLedger<'pool, C> {
    /// Opens nothing.
    #[must_use]
    pub fn new(pool: &'pool ConnectionPool<C>) -> Self {
        Self { pool }
    }

    async fn lease(&self) -> Result<Lease<'pool, C>, ReadError> {
        Ok(self.pool.acquire().await?)
    }
}

fn is_lost<T>(answer: &Result<T, BrokerError>) -> bool {
    matches!(answer, Err(error) if error.kind.is_about_the_connection())
}

/// Nothing is known about a connection after an error about it, nor about those that idle.
fn give_back<C: Connect, T>(
    lease: Lease<'_, C>,
    answer: Result<T, BrokerError>,
) -> Result<T, ReadError> {
    if is_lost(&answer) {
        lease.discard();
    }
    Ok(answer?)
}

impl<C: Connect> LedgerRead for PooledLedger<'_, C>
where
    C::Broker: MessageProbe,
{
    async fn ledger_stream(&self) -> Result<Option<ObservedStream>, ReadError> {
        let lease = self.lease().await?;
        let answer = lease.get_stream(&STREAM).await;
        if !is_lost(&answer) {
            return Ok(answer?);
        }
        lease.discard();
        let lease = self.pool.reconnect().await?;
        let answer = lease.get_stream(&STREAM).await;
        give_back(lease, answer)
    }

    async fn read_log(
        &self,
        log: Log,
        from: ReadFrom,
        count: u32,
    ) -> Result<Vec<FoundMessage>, ReadError> {
        let lease = self.lease().await?;
        let answer = lease.read_messages(log.partition(), from, count).await;
        if !is_lost(&answer) {
            return Ok(answer?);
        }
        lease.discard();
        let lease = self.pool.reconnect().await?;
        let answer = lease.read_messages(log.partition(), from, count).await;
        give_back(lease, answer)
    }
}

impl<C: Connect> LedgerWrite for PooledLedger<'_, C>
where
    C::Broker: MessageProbe,
{
    async fn create_ledger_stream(&self) -> Result<(), ReadError> {
        let lease = self.lease().await?;
        let answer = lease.create_stream(&STREAM).await;
        give_back(lease, answer)
    }

    async fn create_ledger_topic(
        &self,
        topic: &ResourceName,
        partitions: u32,
        settings: &TopicSettings,
    ) -> Result<(), ReadError> {
        let lease = self.lease().await?;
        let answer = lease
            .create_topic(&STREAM, topic, partitions, settings)
            .await;
        give_back(lease, answer)
    }

    async fn append(&self, log: Log, message: &ProbeMessage) -> Result<Option<u64>, ReadError> {
        let lease = self.lease().await?;
        let answer = lease.send_message(log.partition(), message).await;
        give_back(lease, answer)
    }
}
