use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::{ObservedState, ObservedStream};

use crate::broker::{FoundMessage, MessageProbe, ReadFrom};
use crate::connect::{Connect, ConnectionPool};
use crate::delivery::NoSinks;
use crate::ledger::{LedgerRead, Log, PooledLedger};
use crate::observe::{Checks, Reach, ReadError, observe_and_check};

/// A server that can only be looked at: whoever holds this cannot change it, nor its
/// ledger.
///
/// ```
/// # use iggyctl_engine::{ReadOnly, connect::ServerConnector, ledger::LedgerRead};
/// fn reads<L: LedgerRead>() {}
/// reads::<ReadOnly<'_, ServerConnector>>();
/// ```
///
/// ```compile_fail,E0277
/// # use iggyctl_engine::{ReadOnly, connect::ServerConnector, ledger::LedgerWrite};
/// fn writes<L: LedgerWrite>() {}
/// writes::<ReadOnly<'_, ServerConnector>>();
/// ```
#[expect(
    missing_debug_implementations,
    reason = "what a connection is need not have one"
)]
pub struct ReadOnly<'pool, C: Connect> {
    pool: &'pool ConnectionPool<C>,
}

impl<'pool, C: Connect> ReadOnly<'pool, C> {
    /// Opens nothing.
    #[must_use]
    pub fn new(pool: &'pool ConnectionPool<C>) -> Self {
        Self { pool }
    }

    /// Reads what is declared and owned, and of access tokens those of the own user. Nobody
    /// logs in as somebody else.
    ///
    /// # Errors
    /// When there is no connection, or a read fails on several.
    pub async fn observe(&self, desired: &DesiredState) -> Result<ObservedState, ReadError> {
        let checks = Checks {
            secrets: None,
            reach: Reach::Owned,
            sinks: &NoSinks,
        };
        observe_and_check(self.pool, desired, checks).await
    }

    /// Begins anew with connections after something failed.
    pub fn forget_idle(&self) {
        self.pool.forget_idle();
    }
}

impl<C: Connect> LedgerRead for ReadOnly<'_, C>
where
    C::Broker: MessageProbe,
{
    async fn ledger_stream(&self) -> Result<Option<ObservedStream>, ReadError> {
        PooledLedger::new(self.pool).ledger_stream().await
    }

    async fn read_log(
        &self,
        log: Log,
        from: ReadFrom,
        count: u32,
    ) -> Result<Vec<FoundMessage>, ReadError> {
        PooledLedger::new(self.pool)
            .read_log(log, from, count)
            .await
    }
}
