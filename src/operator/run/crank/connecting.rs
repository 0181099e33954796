//! The connection that a round uses.

use std::sync::Arc;
use std::time::Instant;

use iggyctl_engine::broker::{BrokerRead as _, ServerStats};
use iggyctl_engine::connect::ConnectError;

use super::super::connection::{Connection, MadeFrom, NoConnection, Said, connection};
use super::super::world::View;
use super::Crank;
use crate::operator::cluster::ServerObject;
use crate::operator::model::{Object, Reason};

impl Crank {
    /// What a connection is to be made from now.
    pub(super) fn made_from(&self, server: &ServerObject, said: &Said<'_>) -> MadeFrom {
        let world = &self.shared.world;
        let secrets = said.secrets().into_iter();
        MadeFrom {
            uid: server.uid.clone(),
            generation: server.generation,
            secrets: secrets
                .map(|name| world.secret_version(&said.namespace, name))
                .collect(),
        }
    }

    /// Makes a connection, unless there is one made from the same.
    pub(super) async fn connect(
        &mut self,
        view: &View,
        server: &ServerObject,
        said: &Said<'_>,
        made_from: MadeFrom,
    ) -> Result<(), NoConnection> {
        if self
            .connection
            .as_ref()
            .is_some_and(|it| it.made_from == made_from)
        {
            return Ok(());
        }
        let requests = self.shared.metrics.requests(&self.key);
        let made = connection(&self.shared.cluster, said, made_from, requests).await;
        if let (Err(why), Some(_)) = (&made, &self.connection)
            && why.reason == Reason::CredentialsMissing
        {
            let since = *self.secret_gone.get_or_insert_with(Instant::now);
            // What was read is used to the end of what is being deleted together with it: those
            // who delete a namespace say nothing of the order.
            let is_ending = |object: &Arc<Object>| object.deleted_at.is_some();
            let ends = server.deleted_at.is_some() || view.objects.iter().any(is_ending);
            if ends && since.elapsed() < said.orphan_after {
                return Ok(());
            }
        }
        let made = made?;
        let is_same_server = self.connection.as_ref().is_some_and(|former| {
            let MadeFrom {
                uid,
                generation,
                secrets: _,
            } = &former.made_from;
            *uid == made.made_from.uid && *generation == made.made_from.generation
        });
        let was_tried = self.tried_formerly.as_ref() == Some(&made.made_from);
        if is_same_server && !was_tried && is_refused(&made).await {
            // The Secret may be ahead of the server: where the login's own password is declared,
            // too, it is this round that changes it.
            tracing::info!(server = %self.key, "the new credentials are refused; the former ones are used");
            return Ok(());
        }
        self.disconnect().await;
        self.connection = Some(made);
        Ok(())
    }

    pub(super) async fn disconnect(&mut self) {
        self.secret_gone = None;
        if let Some(connection) = self.connection.take() {
            connection.pool.close().await;
        }
    }

    /// What the server says of itself; a login may not be allowed to ask.
    pub(super) async fn stats(&self) -> Option<ServerStats> {
        let pool = &self.connection.as_ref()?.pool;
        let lease = pool.acquire().await.ok()?;
        lease.stats().await.ok()
    }
}

/// Whether the server does not accept the credentials of a new connection.
async fn is_refused(connection: &Connection) -> bool {
    let connected = connection.pool.acquire().await;
    let refused = matches!(connected, Err(ConnectError::CredentialsRefused { .. }));
    drop(connected);
    if refused {
        connection.pool.close().await;
    }
    refused
}
