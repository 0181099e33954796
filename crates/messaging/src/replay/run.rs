//! Messages on their way to be sent together. Pure.

use iggy::prelude::IggyMessage;

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) stream: String,
    pub(super) topic: String,
    pub(super) partition: u32,
}

/// What becomes of one message.
pub(super) enum Draft {
    /// Where to, what, and whether it says where it comes from.
    Send(Place, IggyMessage, bool),
    Filtered,
    Unaddressed,
}

impl Draft {
    pub(super) fn parts(&self) -> Option<(&Place, &IggyMessage)> {
        match self {
            Self::Send(place, message, _) => Some((place, message)),
            Self::Filtered | Self::Unaddressed => None,
        }
    }
}

/// Messages that follow one another and go to the same place, and what lies between.
#[derive(Default)]
pub(super) struct Run {
    pub(super) place: Option<Place>,
    pub(super) messages: Vec<IggyMessage>,
    pub(super) bytes: usize,
    pub(super) read: u64,
    pub(super) filtered: u64,
    pub(super) unmarked: u64,
    pub(super) unaddressed: u64,
    pub(super) upto: Option<u64>,
}

impl Run {
    pub(super) fn add(&mut self, draft: Draft, message: &IggyMessage) {
        self.read += 1;
        self.upto = Some(message.header.offset);
        match draft {
            Draft::Send(place, copy, is_marked) => {
                self.place = Some(place);
                self.bytes += copy.payload.len();
                self.unmarked += u64::from(!is_marked);
                self.messages.push(copy);
            }
            Draft::Filtered => self.filtered += 1,
            Draft::Unaddressed => self.unaddressed += 1,
        }
    }
}
