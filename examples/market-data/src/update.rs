//! What is published: one shape for all topics, with what is particular inside.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something about a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The key: `BTC-USD`.
    pub symbol: String,
    /// Counts the updates of this symbol in this topic, from 1, so that a reader sees
    /// what is missing and what came twice.
    pub sequence: u64,
    /// When it happened, in milliseconds since 1970.
    pub at: u64,
    /// What.
    pub data: Data,
}

/// What can be said about a symbol. Prices are in ticks and sizes in lots: whole
/// numbers, which are equal when they are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are what a market calls them")]
pub enum Data {
    Trade {
        side: Side,
        price: u64,
        size: u64,
    },
    Funding {
        millionths: i64,
    },
    Book(BookUpdate),
    Ticker {
        bid: u64,
        ask: u64,
        last: u64,
    },
    OpenInterest {
        contracts: u64,
    },
    Liquidation {
        side: Side,
        price: u64,
        size: u64,
    },
    Candle {
        open: u64,
        high: u64,
        low: u64,
        close: u64,
        volume: u64,
    },
    OrderInfo {
        order: u64,
        state: OrderState,
    },
    Transaction {
        amount: i64,
    },
    Balance {
        free: u64,
        locked: u64,
    },
    Fill {
        order: u64,
        side: Side,
        price: u64,
        size: u64,
    },
}

/// Who wanted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Somebody who buys.
    Buy,
    /// Somebody who sells.
    Sell,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// It waits in the book.
    Open,
    /// All of it was bought or sold.
    Filled,
    /// It was taken back.
    Cancelled,
}

/// The orders that wait, or what changed of them. Sizes by price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BookUpdate {
    /// All of it: whoever comes late begins here.
    Snapshot {
        /// Who buys.
        bids: BTreeMap<u64, u64>,
        /// Who sells.
        asks: BTreeMap<u64, u64>,
    },
    /// One price; a size of 0 means that nobody waits there any more.
    Change {
        /// Which side.
        side: Side,
        /// Where.
        price: u64,
        /// How much waits there now.
        size: u64,
    },
}

/// The topics of `topology.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
#[expect(missing_docs, reason = "they are called what they are")]
pub enum Topic {
    Trades,
    Funding,
    Book,
    Ticker,
    OpenInterest,
    Liquidations,
    Candles,
    OrderInfo,
    Transactions,
    Balances,
    Fills,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Trades,
        Self::Funding,
        Self::Book,
        Self::Ticker,
        Self::OpenInterest,
        Self::Liquidations,
        Self::Candles,
        Self::OrderInfo,
        Self::Transactions,
        Self::Balances,
        Self::Fills,
    ];

    /// Its name on the server.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Funding => "funding",
            Self::Book => "book",
            Self::Ticker => "ticker",
            Self::OpenInterest => "open-interest",
            Self::Liquidations => "liquidations",
            Self::Candles => "candles",
            Self::OrderInfo => "order-info",
            Self::Transactions => "transactions",
            Self::Balances => "balances",
            Self::Fills => "fills",
        }
    }
}

impl Data {
    /// Where it goes.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match self {
            Self::Trade { .. } => Topic::Trades,
            Self::Funding { .. } => Topic::Funding,
            Self::Book(_) => Topic::Book,
            Self::Ticker { .. } => Topic::Ticker,
            Self::OpenInterest { .. } => Topic::OpenInterest,
            Self::Liquidation { .. } => Topic::Liquidations,
            Self::Candle { .. } => Topic::Candles,
            Self::OrderInfo { .. } => Topic::OrderInfo,
            Self::Transaction { .. } => Topic::Transactions,
            Self::Balance { .. } => Topic::Balances,
            Self::Fill { .. } => Topic::Fills,
        }
    }
}
