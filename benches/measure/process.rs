//! Starting: the program, and the embedded server.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use iggyctl_embedded::EmbeddedServer;
use iggyctl_engine::broker::BrokerRead;
use iggyctl_engine::connect::{ConnectSettings, ServerAddress, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Line;

const RUNS: usize = 21;

pub(crate) fn measure() -> Vec<Line> {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(spawn(env!("CARGO_BIN_EXE_iggyctl"), &["--version"]));
        floor.push(spawn("true", &[]));
    }
    let version = Line::times(
        "start of the program (`--version`; floor: `true`)",
        ours,
        floor,
        "≤ 5 ms",
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(runtime.block_on(first_reply()));
        floor.push(runtime.block_on(first_echo()));
    }
    let embedded = Line::times(
        "embedded server to its first reply (floor: an echo server)",
        ours,
        floor,
        "≤ 50 ms",
    );
    vec![version, embedded]
}

fn spawn(program: &str, arguments: &[&str]) -> Duration {
    let started = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    assert!(status.success());
    started.elapsed()
}

async fn first_reply() -> Duration {
    let started = Instant::now();
    let server = EmbeddedServer::builder().start().await.expect("a server");
    let Ok(ServerAddress::Remote(address)) = server.connection_string().parse() else {
        panic!("the connection string is an address");
    };
    let broker = connect(&address, ConnectSettings::default())
        .await
        .expect("a login");
    broker.ping().await.expect("a reply");
    let elapsed = started.elapsed();
    drop(broker);
    server.shutdown().await;
    elapsed
}

async fn first_echo() -> Duration {
    let started = Instant::now();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a listener");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut byte = [0];
        stream.read_exact(&mut byte).await.expect("a byte");
        stream.write_all(&byte).await.expect("an echo");
    });
    let mut client = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    client.write_all(&[1]).await.expect("a request");
    let mut byte = [0];
    client.read_exact(&mut byte).await.expect("a reply");
    server.await.expect("the server ends");
    started.elapsed()
}
