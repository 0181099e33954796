use std::sync::Arc;

use bytes::Bytes;
use iggy::prelude::{
    Aes256GcmEncryptor, Client, ClientWrapper, EncryptorKind, Identifier, IggyClient, IggyMessage,
    MessageClient, Partitioning, TcpClient,
};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{CONTENT_TYPE, Connection, Encryption, Headers, Outgoing, Producer};

use crate::support::{bare_client, messages_in, server, with_topic};

const KEY: [u8; 32] = [9; 32];

/// A client of the SDK that encrypts and decrypts by itself, as in the samples.
async fn encrypting_client(address: &str) -> IggyClient {
    let tcp = TcpClient::from_connection_string(address).unwrap();
    let encryptor = Aes256GcmEncryptor::new(&KEY).unwrap();
    let client = IggyClient::create(
        ClientWrapper::Tcp(tcp),
        None,
        Some(Arc::new(EncryptorKind::Aes256Gcm(encryptor))),
    );
    client.connect().await.unwrap();
    client
}

#[tokio::test]
async fn the_bare_sdk_reads_what_was_encrypted_here_and_the_other_way() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let encryption = Encryption::aes_256_gcm(&KEY).unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .encryption(encryption.clone())
        .build(Raw)
        .unwrap();
    let headers = Headers::new().with("tenant", "acme").unwrap();
    producer
        .send(Outgoing::new(Bytes::from("secret")).headers(headers))
        .await
        .unwrap();

    let knows_the_key = encrypting_client(&server.connection_string()).await;
    let messages = messages_in(&knows_the_key, 0).await;
    assert_eq!(messages[0].payload.as_ref(), b"secret");
    let headers = Headers::from(messages[0].user_headers_map().unwrap().unwrap());
    assert_eq!(headers.text("tenant"), Some("acme"));
    assert_eq!(headers.text(CONTENT_TYPE), Some("application/octet-stream"));

    let knows_nothing = bare_client(&server).await;
    let messages = messages_in(&knows_nothing, 0).await;
    let shown = format!("{:?}", messages[0]);
    assert!(
        !shown.contains("secret") && !shown.contains("acme"),
        "{shown}"
    );

    let mut theirs = [IggyMessage::from("from the sdk")];
    knows_the_key
        .send_messages(
            &Identifier::named("stream").unwrap(),
            &Identifier::named("topic").unwrap(),
            &Partitioning::partition_id(0),
            &mut theirs,
        )
        .await
        .unwrap();
    let messages = messages_in(&knows_nothing, 0).await;
    assert_eq!(
        encryption.decrypt(&messages[1].payload).unwrap().as_ref(),
        b"from the sdk"
    );
}

#[tokio::test]
async fn a_client_that_is_brought_along_encrypts_unless_the_producer_does() {
    let server = server().await;
    with_topic(&server, 1).await;
    let client = encrypting_client(&server.connection_string()).await;
    let connection = Connection::from_client(client);
    let by_client = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .build(Raw)
        .unwrap();
    by_client.send(Bytes::from("by client")).await.unwrap();
    let by_producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .encryption(Encryption::aes_256_gcm(&KEY).unwrap())
        .build(Raw)
        .unwrap();
    by_producer.send(Bytes::from("by producer")).await.unwrap();

    // Once each, not twice.
    let reader = encrypting_client(&server.connection_string()).await;
    let messages = messages_in(&reader, 0).await;
    assert_eq!(messages[0].payload.as_ref(), b"by client");
    assert_eq!(messages[1].payload.as_ref(), b"by producer");
}
