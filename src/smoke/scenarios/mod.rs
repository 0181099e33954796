//! What each scenario does: one file each, read from the top like the sample.

pub(super) mod basic;
pub(super) mod compression;
pub(super) mod consumer_groups;
pub(super) mod dead_letters;
pub(super) mod encryption;
pub(super) mod envelope;
pub(super) mod getting_started;
pub(super) mod headers;
pub(super) mod late_topic;
pub(super) mod login_after_restart;
mod messages;
pub(super) mod multi_tenant;
pub(super) mod new_sdk;
mod orders;
pub(super) mod partitioning;
pub(super) mod persistence;
pub(super) mod replay;
pub(super) mod sink_data_producer;
pub(super) mod stream_builder;
pub(super) mod tcp_tls;
