use super::note::{Note, NoteId, StoredNote};

/// The number of a lease: the id of its group, which no other one gets.
pub type Epoch = u32;

/// A request of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// Create the group.
    Create,
    /// Which id the group has that has the name now.
    Find,
    /// Append a note, with an id by which it is found again: the same id is the same note.
    Note(NoteId, Note),
    /// Read the notes: all from this offset on, or as far back as notes matter.
    Read {
        /// The first one that is needed.
        from: Option<u64>,
    },
    /// Delete the group that has this id.
    Delete(Epoch),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Of [`Request::Create`]: done.
    Created(Epoch),
    /// Of [`Request::Create`]: the name is taken.
    Taken,
    /// Of [`Request::Find`].
    Found(Option<Epoch>),
    /// Of [`Request::Note`]: done.
    Noted,
    /// Of [`Request::Read`], by offset.
    Notes(Vec<StoredNote>),
    /// Of [`Request::Delete`]: done.
    Deleted,
    /// Of [`Request::Delete`]: there is none.
    Absent,
    /// Of a change: whether it was made is not known, and it may still be made.
    Unknown,
    /// It was not done and will not be.
    Failed,
}

/// What a sequence does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// Its next request is to be sent.
    Next,
    /// It is done.
    Done(T),
    /// The request that it was told of last failed, and that ends it.
    Failed,
}

/// How often a note is sent whose outcome is not known: it was looked for in between.
pub(super) const NOTE_ATTEMPTS: u32 = 3;
