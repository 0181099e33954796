//! The messages of the official samples: orders that are created, confirmed or rejected.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Order {
    Created {
        order_id: u32,
        currency_pair: String,
        price: f64,
        quantity: f64,
        side: String,
    },
    Rejected {
        order_id: u32,
        reason: String,
    },
    Confirmed {
        order_id: u32,
        price: f64,
    },
}

/// Of several kinds in one topic.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Envelope {
    pub(super) message_type: String,
    /// JSON in JSON, as the sample has it.
    pub(super) payload: String,
}

impl Order {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "order_created",
            Self::Confirmed { .. } => "order_confirmed",
            Self::Rejected { .. } => "order_rejected",
        }
    }

    pub(super) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Only what its type says that it is.
    pub(super) fn from_json(kind: &str, payload: &Bytes) -> Result<Self, String> {
        let order: Self = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        if order.kind() == kind {
            Ok(order)
        } else {
            Err(format!("{} where {kind} was announced", order.kind()))
        }
    }
}

/// So many, of all three kinds in turn.
pub(super) fn kinds(count: u32) -> Vec<Order> {
    (1..=count)
        .map(|order_id| match order_id % 3 {
            1 => Order::Created {
                order_id,
                currency_pair: "EUR/USD".to_owned(),
                price: f64::from(order_id) * 10.5,
                quantity: 0.25,
                side: if order_id % 2 == 0 { "buy" } else { "sell" }.to_owned(),
            },
            2 => Order::Confirmed {
                order_id,
                price: f64::from(order_id) * 10.5,
            },
            _ => Order::Rejected {
                order_id,
                reason: "cancelled_by_user".to_owned(),
            },
        })
        .collect()
}
