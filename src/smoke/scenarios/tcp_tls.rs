//! `tcp-tls`: messages over TLS with a certificate that is checked; nothing without TLS,
//! and nothing for who trusts somebody else.

use iggyctl_embedded::TlsIdentity;
use iggyctl_engine::connect::{RemoteAddress, TlsOptions};

use super::messages::{expect_messages, numbered, send_in_batches};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop};
use crate::smoke::sdk::{From, Reader, To};

const TOPIC: &str = "tls-topic";
const MESSAGES: u32 = 50;

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    let secured = arena.secured().await?;
    secured.topic(TOPIC, 1).await?;
    let sent = numbered("message", MESSAGES);
    send_in_batches(&secured, TOPIC, To::Partition(0), &sent, 10).await?;
    let read = secured
        .client()?
        .poll(
            &secured.stream,
            TOPIC,
            Some(0),
            Reader::Plain("tls"),
            From::First,
            MESSAGES,
            false,
        )
        .await
        .step("read over TLS")?;
    expect_messages("read over TLS", &sent, 0, &read)?;

    let address = secured.address()?;
    let mut plain = address.clone();
    plain.options.tls = None;
    refused(&secured, plain, "log in without TLS").await?;

    // Somebody else's authority, made for this.
    let folder = tempfile::tempdir().step("make a folder for a certificate")?;
    let other = TlsIdentity::self_signed(["localhost"]).step("make a certificate")?;
    let ca_file = folder.path().join("somebody-else.pem");
    std::fs::write(&ca_file, other.authority_pem().unwrap_or_default())
        .step("write a certificate")?;
    let mut distrusting = address;
    let domain = distrusting.options.tls.and_then(|tls| tls.domain);
    distrusting.options.tls = Some(TlsOptions {
        domain,
        ca_file: Some(ca_file),
        validate_certificate: true,
    });
    refused(
        &secured,
        distrusting,
        "log in while trusting another authority",
    )
    .await
}

async fn refused(arena: &Arena, address: RemoteAddress, step: &str) -> Result<(), Stop> {
    match arena.client_at(address)?.log_in().await {
        Err(_) => Ok(()),
        Ok(()) => Err(Failure::new(
            step,
            "that there is no connection",
            "the login was accepted",
        )
        .into()),
    }
}
