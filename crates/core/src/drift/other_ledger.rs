use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A server that had a ledger has another one, or none: it is another server, or what it
/// held is gone, or only the ledger is. Which of them, the ledger does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtherLedger {
    /// The identity of the ledger that was seen first.
    pub before: String,
    /// That of the one that is there now; `null` when there is none.
    pub now: Option<String>,
}

impl fmt::Display for OtherLedger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, now } = self;
        match now {
            Some(now) => write!(
                formatter,
                "the ledger is {now} and was {before}: this is another server, or what it held is gone"
            ),
            None => write!(
                formatter,
                "the ledger {before} is gone: this is another server, or what it held was deleted"
            ),
        }
    }
}
