//! Holding requests to the permission rules.
//!
//! What counts is who has the caller's user id at the moment of the request: a deleted
//! user's connection goes on with nothing, and then as whoever gets the id. What is not
//! there is passed through, so that the request itself says that it is missing; so
//! existence is told before permission.

use iggy_binary_protocol::WireIdentifier;

use super::{ReadScene, WriteScene};
use crate::rules::permissions::{Action, may};
use crate::rules::{Refused, Rejection};
use crate::state::Metadata;

/// Refusals of reads are denials; only what is logged has a result to put them in.
impl ReadScene<'_> {
    pub(super) fn permit(&self, action: Action) -> Result<(), Refused> {
        Asker::of(self.metadata, self.caller.user)
            .permit(action, None, None)
            .map_err(Refused::Early)
    }

    pub(super) fn permit_stream(
        &self,
        action: Action,
        stream: &WireIdentifier,
    ) -> Result<(), Refused> {
        Asker::of(self.metadata, self.caller.user)
            .permit_stream(action, stream)
            .map_err(Refused::Early)
    }

    pub(super) fn permit_topic(
        &self,
        action: Action,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
    ) -> Result<(), Refused> {
        Asker::of(self.metadata, self.caller.user)
            .permit_topic(action, stream, topic)
            .map_err(Refused::Early)
    }
}

/// Refusals of writes are logged, as anything else that only the state can tell.
impl WriteScene<'_> {
    pub(super) fn permit(&self, action: Action) -> Result<(), Refused> {
        Ok(Asker::of(self.metadata, self.caller.user).permit(action, None, None)?)
    }

    pub(super) fn permit_stream(
        &self,
        action: Action,
        stream: &WireIdentifier,
    ) -> Result<(), Refused> {
        Ok(Asker::of(self.metadata, self.caller.user).permit_stream(action, stream)?)
    }

    pub(super) fn permit_topic(
        &self,
        action: Action,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
    ) -> Result<(), Refused> {
        Ok(Asker::of(self.metadata, self.caller.user).permit_topic(action, stream, topic)?)
    }
}

/// Refusals on the way to a partition are denials, too.
impl WriteScene<'_> {
    pub(super) fn permit_partition(
        &self,
        action: Action,
        stream: u32,
        topic: u32,
    ) -> Result<(), Refused> {
        Asker::of(self.metadata, self.caller.user)
            .permit(action, Some(stream), Some(topic))
            .map_err(Refused::Early)
    }
}

struct Asker<'server> {
    metadata: &'server Metadata,
    user: u32,
}

impl<'server> Asker<'server> {
    fn of(metadata: &'server Metadata, user: u32) -> Self {
        Self { metadata, user }
    }

    /// 41.
    fn permit(
        &self,
        action: Action,
        stream: Option<u32>,
        topic: Option<u32>,
    ) -> Result<(), Rejection> {
        let permissions = self.metadata.users.permissions(self.user);
        if may(permissions, action, stream, topic) {
            Ok(())
        } else {
            Err(Rejection::Unauthorized)
        }
    }

    fn permit_stream(&self, action: Action, stream: &WireIdentifier) -> Result<(), Rejection> {
        match self.metadata.streams.resolve(stream) {
            Some(stream) => self.permit(action, Some(stream), None),
            None => Ok(()),
        }
    }

    fn permit_topic(
        &self,
        action: Action,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
    ) -> Result<(), Rejection> {
        match self.metadata.topic_ids(stream, topic) {
            Ok((stream, topic)) => self.permit(action, Some(stream), Some(topic)),
            Err(_) => Ok(()),
        }
    }
}
