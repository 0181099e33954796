//! One apply of a project at a time: an advisory lease, kept on the server itself.
//!
//! ```text
//!            create the group ──▶ its id is the epoch ──▶ note Held ──▶ read the notes ──▶ ours
//!  acquire ─┤      │ the name is taken                                      │ no
//!            ▲      ▼                                                       ▼
//!            │   note Seen ──▶ read the notes ──┬─▶ held, and not too old: busy, by whom, until when
//!            │                                  └─▶ over ─▶ delete the group by its id ─┐
//!            └──────────────────────────────────────────────────────────────────────────┘
//!  renew    note Held again, read the notes: still ours? and the group still there?
//!  release  note Released, delete the group by its id
//! ```
//!
//! What the server gives, each held to a real server by the contract tests of
//! `iggyctl-embedded` (`groups`, `messages`): the name of a consumer group is taken once
//! per topic, ids of groups are never used again, deleting by id deletes that one only, and
//! the messages of a partition have one order and the time of the *server*. So the group
//! decides who has a lease, and the notes in the topic decide how long: **whether an epoch
//! is over is a question to the notes alone** ([`Standing`]), and everybody who reads them
//! gets the same answer. No clock is compared with another one.
//!
//! An owner sends nothing once its lease is older than its duration by its own clock,
//! counted from before the request that renewed it: the server's time of that note is later,
//! and an epoch is over only when somebody else's note is later by more than the duration
//! again. So two owners never act at once, as long as both clocks run equally fast. It is
//! still advisory: the server knows no fencing, so a request that was sent in time may be
//! carried out late.
//!
//! Each sequence is a value that says which request is next and is told the reply
//! ([`Acquire`], [`Renew`], [`Release`], [`Break`]); it knows no connection and no clock.
//! `tests/lease_interleavings` runs several of them in every order, with what networks and
//! processes can do to them.

mod acquire;
mod breaking;
mod keep;
mod name;
mod note;
mod release;
mod renew;
mod standing;
mod step;
mod topic;

pub use acquire::{Acquire, Acquired, Busy};
pub use breaking::{Break, Broken};
pub use keep::{Kept, LeaseError, LeaseRun, break_lease};
pub use name::{lease_name, project_of};
pub use note::{Holder, LONGEST, Note, NoteId, StoredNote};
pub use release::{Release, Released};
pub use renew::{Loss, Renew, Renewed, WhyLost};
pub use standing::{Over, Standing, standing};
pub use step::{Epoch, Reply, Request, Step};
pub use topic::LeaseTopic;
