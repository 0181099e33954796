//! Any bytes, through everything but the socket: for fuzzing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use iggy_binary_protocol::{Operation, RequestHeader, codes};

use crate::connection::frame::{FrameProgress, read_frame};
use crate::connection::{Clients, ReplyContext};
use crate::connection::{Ends, Transport};
use crate::credentials::{Credentials, CredentialsError};
use crate::dispatch::{
    self, Answer, Caller, Errand, Polled, Provision, ReadScene, ServerFacts, WriteScene,
};
use crate::password::PasswordHashing;
use crate::rules::Refused;
use crate::state::{Metadata, ROOT_ID};
use crate::store::Row;

/// Takes bytes as the requests of one client, logged in as root of a fresh server in
/// memory, executes all whole frames among them, and returns how many there were.
///
/// Deterministic but for salts and tokens, without IO, and it must not panic on any bytes: the entry point
/// for fuzzing the server. [`read_frame`] alone is the one for the frame reader.
#[must_use]
pub fn exercise(mut bytes: &[u8]) -> usize {
    let Ok(mut exerciser) = Exerciser::new() else {
        return 0;
    };
    let mut frames = 0;
    while let Ok(FrameProgress::Complete { frame, length }) = read_frame(bytes) {
        exerciser.execute(frame.code(), frame.header(), frame.body());
        frames += 1;
        bytes = bytes.get(length..).unwrap_or_default();
    }
    frames
}

struct Exerciser {
    metadata: Metadata,
    clients: Clients,
    facts: ServerFacts,
    connection: u32,
    /// A clock that ticks with every request.
    now: u64,
}

impl Exerciser {
    fn new() -> Result<Self, CredentialsError> {
        let mut clients = Clients::default();
        let connection = clients.connected(ENDS, &Arc::default(), 0);
        Ok(Self {
            metadata: Metadata::with_root(&Credentials::default_root()?),
            clients,
            facts: ServerFacts {
                started_at: 0,
                hostname: "exercise".to_owned(),
                http: None,
                quic: None,
                websocket: None,
            },
            connection,
            now: 0,
        })
    }
}

const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);
const ENDS: Ends = Ends {
    peer: LOCAL,
    reached: LOCAL,
    transport: Transport::Tcp,
};

impl Exerciser {
    fn execute(&mut self, code: Option<u32>, header: &RequestHeader, body: &[u8]) {
        self.now += 1;
        let caller = Caller {
            connection: self.connection,
            client: header.client,
            user: ROOT_ID,
            reached: LOCAL,
        };
        let answer = match (header.operation, code) {
            (Operation::NonReplicated, Some(codes::POLL_MESSAGES_CODE)) => self.poll(body, caller),
            (Operation::NonReplicated, Some(code)) => dispatch::read(
                code,
                body,
                &ReadScene {
                    metadata: &self.metadata,
                    clients: &self.clients,
                    facts: &self.facts,
                    caller,
                    now: self.now,
                },
            ),
            (operation, _) => self.write(operation, body, caller),
        };
        let context = ReplyContext {
            request: *header,
            session: 1,
            commit: self.now,
        };
        let _ = context.answer(answer);
    }

    fn write(&mut self, operation: Operation, body: &[u8], caller: Caller) -> Answer {
        let provision = match Provision::of_body(operation, body) {
            Some(provision) => provision,
            None => self.errand(operation, body)?,
        };
        let mut scene = WriteScene {
            metadata: &mut self.metadata,
            caller,
            provision,
            now: self.now,
        };
        let (payload, change) = dispatch::write(operation, body, &mut scene)?;
        if let Some(row) = Row::of(change, &self.metadata) {
            row.settle();
        }
        Ok(payload)
    }

    fn poll(&mut self, body: &[u8], caller: Caller) -> Answer {
        let mut scene = WriteScene {
            metadata: &mut self.metadata,
            caller,
            provision: Provision::Nothing,
            now: self.now,
        };
        Ok(match dispatch::poll(body, &mut scene)? {
            Polled::Nothing(body) => body,
            Polled::Messages { plan, .. } => plan.read(&()).unwrap_or_default(),
        })
    }

    fn errand(&self, operation: Operation, body: &[u8]) -> Result<Provision, Refused> {
        Ok(match Errand::of(operation, body, &self.metadata) {
            Some(errand) => errand
                .run(PasswordHashing::Fast)
                .map_err(|_| Refused::MALFORMED)?,
            None => Provision::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use iggy_binary_protocol::{COMMAND_TABLE, Command, HEADER_SIZE};
    use proptest::prelude::*;

    use super::*;

    fn frame(code: u32, body: &[u8]) -> Vec<u8> {
        let operation = Operation::from_command_code(code).unwrap_or(Operation::NonReplicated);
        let mut reserved = [0; 60];
        reserved[..4].copy_from_slice(&code.to_le_bytes());
        let header = RequestHeader {
            command: Command::Request,
            operation,
            size: u32::try_from(HEADER_SIZE + body.len()).unwrap(),
            client: 7,
            session: 1,
            request: 1,
            reserved,
            ..Default::default()
        };
        [bytemuck::bytes_of(&header), body].concat()
    }

    /// Identifiers, names and counts as they stand in bodies, and plain noise.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            // Identifier by number, and by a name of one letter.
            (0_u8..3).prop_map(|id| vec![1, 4, id, 0, 0, 0]),
            (b'a'..b'd').prop_map(|name| vec![2, 1, name]),
            (b'a'..b'd').prop_map(|name| vec![1, name]),
            (0_u8..5).prop_map(|count| vec![count, 0, 0, 0]),
            proptest::collection::vec(any::<u8>(), 0..12),
        ]
    }

    fn request() -> impl Strategy<Value = Vec<u8>> {
        let code = proptest::sample::select(COMMAND_TABLE).prop_map(|command| command.code);
        let body = proptest::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat());
        (code, body).prop_map(|(code, body)| frame(code, &body))
    }

    proptest! {
        #[test]
        fn any_requests_are_executed(requests in proptest::collection::vec(request(), 0..40)) {
            prop_assert_eq!(exercise(&requests.concat()), requests.len());
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..1000)) {
            let _ = exercise(&bytes);
        }
    }

    /// Makes a topic, sends a message to it, polls it as a consumer that commits.
    fn messages() -> Vec<u8> {
        use iggy_binary_protocol::requests::messages::{
            PollMessagesRequest, RawMessage, SendMessagesEncoder,
        };
        use iggy_binary_protocol::{
            WireConsumer, WireEncode, WireIdentifier, WirePartitioning, WirePollingStrategy,
        };
        let first = WireIdentifier::numeric(0);
        let mut send = bytes::BytesMut::new();
        let message = RawMessage {
            id: 1,
            origin_timestamp: 1,
            headers: None,
            payload: b"a",
        };
        SendMessagesEncoder::encode(
            &mut send,
            &first,
            &first,
            &WirePartitioning::Balanced,
            &[message],
        )
        .unwrap();
        let poll = PollMessagesRequest {
            consumer: WireConsumer::consumer(first.clone()),
            stream_id: first.clone(),
            topic_id: first,
            partition_id: Some(0),
            strategy: WirePollingStrategy::next(),
            count: 2,
            auto_commit: true,
        };
        let topic = [&[1, 4, 0, 0, 0, 0][..], &[1, 0, 0, 0], &[1, b't']].concat();
        [
            frame(codes::CREATE_STREAM_CODE, b"\x01s"),
            frame(codes::CREATE_TOPIC_CODE, &topic),
            frame(codes::SEND_MESSAGES_CODE, &send),
            frame(codes::POLL_MESSAGES_CODE, &poll.to_bytes()),
        ]
        .concat()
    }

    #[test]
    fn messages_reach_the_log_and_offsets_are_kept() {
        use crate::log::ConsumerKey;
        let bytes = messages();
        let seed = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/seeds/frame/send-and-poll");
        assert_eq!(
            std::fs::read(seed).unwrap(),
            bytes,
            "the seed of the fuzzer"
        );
        let mut exerciser = Exerciser::new().unwrap();
        let mut rest = bytes.as_slice();
        while let Ok(FrameProgress::Complete { frame, length }) = read_frame(rest) {
            exerciser.execute(frame.code(), frame.header(), frame.body());
            rest = &rest[length..];
        }
        let topic = exerciser.metadata.topic(0, 0).unwrap();
        let log = topic.partitions[0].log().unwrap();
        assert_eq!(log.messages(), 1);
        assert_eq!(log.offsets.get(ConsumerKey::Consumer(0)), Some(0));
    }

    #[test]
    fn well_formed_requests_reach_the_state() {
        let mut exerciser = Exerciser::new().unwrap();
        let bytes = frame(codes::CREATE_STREAM_CODE, &[1, b'a']);
        let Ok(FrameProgress::Complete { frame, .. }) = read_frame(&bytes) else {
            panic!("no frame");
        };
        exerciser.execute(frame.code(), frame.header(), frame.body());
        assert_eq!(exerciser.metadata.streams.len(), 1);
    }
}
