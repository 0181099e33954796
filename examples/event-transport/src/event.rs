//! What can happen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that happened to a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// To whom; the key, 1 to 255 bytes.
    pub tenant: String,
    /// Counts the events of the tenant, from 1.
    pub number: u64,
    /// What.
    pub event: Event,
}

/// What can happen. Postcard numbers these in their order: new ones go to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody became a customer.
    CustomerRegistered {
        /// What they are called.
        name: String,
    },
    /// Somebody ordered something.
    OrderPlaced {
        /// Its number.
        order: String,
        /// What it costs.
        cents: u64,
    },
    /// It is on its way.
    OrderShipped {
        /// Its number.
        order: String,
    },
}

impl fmt::Display for Envelope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tenant,
            number,
            event,
        } = self;
        write!(formatter, "{tenant} {number} ")?;
        match event {
            Event::CustomerRegistered { name } => write!(formatter, "{name} registered"),
            Event::OrderPlaced { order, cents } => {
                write!(formatter, "{order} placed, {cents} cents")
            }
            Event::OrderShipped { order } => write!(formatter, "{order} shipped"),
        }
    }
}
