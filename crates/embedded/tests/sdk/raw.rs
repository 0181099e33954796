//! Bytes that the SDK would never send.

use bytes::BytesMut;
use iggy_binary_protocol::requests::users::LoginRegisterRequest;
use iggy_binary_protocol::{
    ClientVersionInfo, Command, EvictionReason, HEADER_SIZE, IGGY_PROTOCOL_VERSION,
    IGGY_PROTOCOL_VERSION_MIN, Operation, RequestHeader, WireEncode, WireName, codes,
    read_size_field,
};
use iggyctl_embedded::EmbeddedServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const STATUS: usize = 216;
const REASON: usize = 255;
const COMMAND: usize = 60;

struct RawClient {
    stream: TcpStream,
    session: u64,
}

impl RawClient {
    async fn connect(server: &EmbeddedServer) -> Self {
        Self {
            stream: TcpStream::connect(server.address()).await.unwrap(),
            session: 0,
        }
    }

    async fn send(&mut self, header: RequestHeader, body: &[u8]) {
        let header = RequestHeader {
            command: Command::Request,
            client: 77,
            size: u32::try_from(HEADER_SIZE + body.len()).unwrap(),
            ..header
        };
        let mut frame = bytemuck::bytes_of(&header).to_vec();
        frame.extend_from_slice(body);
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn ask(&mut self, header: RequestHeader, body: &[u8]) -> Vec<u8> {
        self.send(header, body).await;
        let mut frame = vec![0; HEADER_SIZE];
        self.stream.read_exact(&mut frame).await.unwrap();
        let size = read_size_field(&frame).unwrap() as usize;
        frame.resize(size, 0);
        self.stream
            .read_exact(&mut frame[HEADER_SIZE..])
            .await
            .unwrap();
        frame
    }

    async fn login(&mut self, version: u32) -> Vec<u8> {
        let request = LoginRegisterRequest {
            version_info: ClientVersionInfo {
                protocol_version: version,
                sdk_name: WireName::new("raw").unwrap(),
                sdk_version: WireName::new("0").unwrap(),
            },
            username: WireName::new("iggy").unwrap(),
            password: "iggy".to_owned().into(),
            client_context: None,
        };
        let mut body = BytesMut::new();
        request.encode(&mut body);
        let header = RequestHeader {
            operation: Operation::Register,
            ..Default::default()
        };
        let reply = self.ask(header, &body).await;
        if reply.len() > HEADER_SIZE + 16 {
            self.session = u64_at(&reply, HEADER_SIZE + 8);
        }
        reply
    }

    fn write(&self, operation: Operation, request: u64, checksum: u128) -> RequestHeader {
        RequestHeader {
            operation,
            request,
            session: self.session.max(1),
            request_checksum: checksum,
            ..Default::default()
        }
    }
}

fn read(code: u32) -> RequestHeader {
    let mut reserved = [0; 60];
    reserved[..4].copy_from_slice(&code.to_le_bytes());
    RequestHeader {
        operation: Operation::NonReplicated,
        reserved,
        ..Default::default()
    }
}

fn u32_at(frame: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(frame[at..at + 4].try_into().unwrap())
}

fn u64_at(frame: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(frame[at..at + 8].try_into().unwrap())
}

async fn start() -> EmbeddedServer {
    EmbeddedServer::builder().start().await.unwrap()
}

#[tokio::test]
async fn only_protocol_versions_of_the_same_minor_are_let_in() {
    let server = start().await;
    for version in [IGGY_PROTOCOL_VERSION, IGGY_PROTOCOL_VERSION_MIN] {
        let reply = RawClient::connect(&server).await.login(version).await;
        assert_eq!(reply[COMMAND], Command::Reply as u8);
    }
    for version in [
        IGGY_PROTOCOL_VERSION_MIN - 1,
        IGGY_PROTOCOL_VERSION + 1024,
        0,
    ] {
        let reply = RawClient::connect(&server).await.login(version).await;
        assert_eq!(reply[COMMAND], Command::Eviction as u8);
        assert_eq!(reply[REASON], EvictionReason::IncompatibleProtocol as u8);
        assert_eq!(u32_at(&reply, 144), IGGY_PROTOCOL_VERSION);
        assert_eq!(u32_at(&reply, 148), IGGY_PROTOCOL_VERSION_MIN);
    }
}

#[tokio::test]
async fn logins_of_another_shape_are_malformed() {
    let server = start().await;
    let mut client = RawClient::connect(&server).await;
    let register = RequestHeader {
        operation: Operation::Register,
        ..Default::default()
    };
    let reply = client.ask(register, b"").await;
    assert_eq!(reply[REASON], EvictionReason::MalformedLogin as u8);
    let reply = client.ask(read(codes::LOGIN_USER_CODE), b"").await;
    assert_eq!(reply[REASON], EvictionReason::MalformedLogin as u8);
}

#[tokio::test]
async fn without_a_session_reads_are_denied_and_writes_evicted() {
    let server = start().await;
    let mut client = RawClient::connect(&server).await;
    let reply = client.ask(read(codes::GET_STREAMS_CODE), b"").await;
    assert_eq!((u32_at(&reply, STATUS), reply.len()), (40, HEADER_SIZE));
    let write = client.write(Operation::CreateStream, 1, 0);
    let reply = client.ask(write, b"\x01s").await;
    assert_eq!(reply[REASON], EvictionReason::NoSession as u8);
    // A logout without a login has nothing left to do.
    let logout = client.write(Operation::Logout, 1, 0);
    assert_eq!(u32_at(&client.ask(logout, b"").await, STATUS), 0);
}

#[tokio::test]
async fn a_login_on_a_session_gets_the_same_session() {
    let server = start().await;
    let mut client = RawClient::connect(&server).await;
    client.login(IGGY_PROTOCOL_VERSION).await;
    let session = client.session;
    assert_ne!(session, 0);
    client.login(IGGY_PROTOCOL_VERSION).await;
    assert_eq!(client.session, session);
}

#[tokio::test]
async fn a_request_sent_again_gets_its_reply_again() {
    let server = start().await;
    let mut client = RawClient::connect(&server).await;
    client.login(IGGY_PROTOCOL_VERSION).await;
    let checksum = |body: &[u8]| u128::from(iggy_common::calculate_checksum(body));
    let write = client.write(Operation::CreateStream, 1, checksum(b"\x01s"));
    let first = client.ask(write, b"\x01s").await;
    let again = client.ask(write, b"\x01s").await;
    assert_eq!(first, again);
    // The same number for something else gets no answer at all; what follows does.
    let other = client.write(Operation::CreateStream, 1, checksum(b"\x01t"));
    client.send(other, b"\x01t").await;
    // A checksum that is not that of the body.
    let wrong = client.write(Operation::CreateStream, 2, 4711);
    assert_eq!(u32_at(&client.ask(wrong, b"\x01t").await, STATUS), 4);
}

#[tokio::test]
async fn what_is_no_request_closes_the_connection() {
    let server = start().await;
    let mut too_long = bytemuck::bytes_of(&RequestHeader {
        command: Command::Request,
        operation: Operation::NonReplicated,
        client: 1,
        size: 64 * 1024 * 1024 + 1,
        ..Default::default()
    })
    .to_vec();
    let http = b"GET / HTTP/1.1\r\n".repeat(20);
    let tls = [22, 3, 1, 2, 0].repeat(60);
    too_long.truncate(HEADER_SIZE);
    for bytes in [too_long, http, tls, vec![0; 256], vec![0xFF; 300]] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        // Closed with or without what was not read: never an answer.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty());
    }
    // Others are not harmed.
    let mut client = RawClient::connect(&server).await;
    client.login(IGGY_PROTOCOL_VERSION).await;
    assert_ne!(client.session, 0);
}

#[tokio::test]
async fn several_requests_in_one_packet_are_answered_in_order() {
    let server = start().await;
    let mut client = RawClient::connect(&server).await;
    for _ in 0..3 {
        client.send(read(codes::PING_CODE), b"").await;
    }
    let mut replies = vec![0; 3 * HEADER_SIZE];
    client.stream.read_exact(&mut replies).await.unwrap();
    for reply in replies.chunks(HEADER_SIZE) {
        assert_eq!((reply[COMMAND], u32_at(reply, STATUS)), (8, 0));
    }
}

#[tokio::test]
async fn a_body_that_arrives_in_pieces_is_put_together() {
    let server = start().await;
    let mut client = RawClient::connect(&server).await;
    client.login(IGGY_PROTOCOL_VERSION).await;
    let body = [&[255_u8][..], &[b'n'; 255]].concat();
    let header = RequestHeader {
        command: Command::Request,
        client: 77,
        size: u32::try_from(HEADER_SIZE + body.len()).unwrap(),
        ..client.write(Operation::CreateStream, 1, 0)
    };
    let frame = [bytemuck::bytes_of(&header), &body].concat();
    for piece in frame.chunks(100) {
        client.stream.write_all(piece).await.unwrap();
        client.stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut reply = vec![0; HEADER_SIZE + 4];
    client.stream.read_exact(&mut reply).await.unwrap();
    assert_eq!(u32_at(&reply, HEADER_SIZE), 0);
}
