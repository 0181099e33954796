//! Broker ports and everything that talks to a broker.
