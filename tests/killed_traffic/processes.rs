//! The three processes, and how each is killed and started again.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::verdict::{Verdict, judge};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Server,
    Producer,
    Consumer,
}

/// How many keys take turns.
pub(crate) const KEYS: u64 = 100;

const PARTITIONS: u32 = 4;

/// The exit code of commands that find no server when they begin.
const NO_SERVER: i32 = 69;

/// As `consume` has it: how many messages it holds that are not printed.
const BATCH: u64 = 1000;

pub(crate) struct Lab {
    folder: TempDir,
    messages: u64,
    port: u16,
    server: Child,
    producer: Child,
    /// It ended well: everything is confirmed.
    produced: bool,
    consumer: Child,
    /// What the consumer writes, up to here counted.
    counted: Counted,
}

/// Lines of a file that grows.
struct Counted {
    file: File,
    lines: u64,
}

impl Lab {
    /// Makes the input, and starts all three.
    pub(crate) fn new(messages: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let mut input = BufWriter::new(File::create(folder.path().join("input")).unwrap());
        for number in 0..messages {
            let (key, sequence) = (number % KEYS, number / KEYS);
            writeln!(input, "k{key}\tk{key} {sequence}").unwrap();
        }
        input.flush().unwrap();
        let topology = format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{name: kills}}\n\
             spec: {{streams: [{{name: s, topics: [{{name: t, partitions: {PARTITIONS}, \
             consumerGroups: [g]}}]}}]}}\n"
        );
        std::fs::write(folder.path().join("topology.yaml"), topology).unwrap();
        // Free again for the server; nobody else asks for it meanwhile.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = start_server(&folder, port);
        let producer = start_producer(&folder, port, false);
        let output = folder.path().join("output");
        File::create(&output).unwrap();
        let consumer = start_consumer(&folder, port);
        Self {
            messages,
            port,
            server,
            producer,
            produced: false,
            consumer,
            counted: Counted {
                file: File::open(&output).unwrap(),
                lines: 0,
            },
            folder,
        }
    }

    /// How many distinct messages can have been read at most: lines without those that
    /// are known to be repetitions are not counted before the end, so it is checked there.
    pub(crate) fn read(&mut self) -> u64 {
        self.counted.count();
        if self.counted.lines < self.messages {
            return self.counted.lines;
        }
        // Some came twice: only now it is worth to look at each.
        judge(&self.output(), &[], self.messages).distinct
    }

    /// Nobody may end by himself, but the producer when it is done, and who begins while
    /// the server is away: that is started again, as a supervisor does.
    pub(crate) fn check(&mut self) {
        if let Some(status) = self.server.try_wait().unwrap() {
            panic!("the server ended: {status}\n{}", self.logs());
        }
        if let Some(status) = self.consumer.try_wait().unwrap() {
            assert_eq!(
                status.code(),
                Some(NO_SERVER),
                "the consumer\n{}",
                self.logs()
            );
            self.cut_off();
            self.consumer = start_consumer(&self.folder, self.port);
        }
        if !self.produced
            && let Some(status) = self.producer.try_wait().unwrap()
        {
            match status.code() {
                Some(0) => self.produced = true,
                Some(NO_SERVER) => self.producer = start_producer(&self.folder, self.port, true),
                _ => panic!("the producer: {status}\n{}", self.logs()),
            }
        }
    }

    /// Kills, waits for the end, and starts again. False for a producer that is done.
    pub(crate) fn kill(&mut self, victim: Victim) -> bool {
        match victim {
            Victim::Server => {
                kill(&mut self.server);
                self.server = start_server(&self.folder, self.port);
            }
            Victim::Producer if self.produced => return false,
            Victim::Producer => {
                kill(&mut self.producer);
                self.producer = start_producer(&self.folder, self.port, true);
            }
            Victim::Consumer => {
                kill(&mut self.consumer);
                self.cut_off();
                self.consumer = start_consumer(&self.folder, self.port);
            }
        }
        true
    }

    /// A line that the consumer wrote only a part of is not acknowledged, and comes again.
    fn cut_off(&mut self) {
        let path = self.folder.path().join("output");
        let bytes = std::fs::read(&path).unwrap();
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(u64::try_from(whole).unwrap()).unwrap();
        self.counted.lines =
            u64::try_from(bytes[..whole].iter().filter(|it| **it == b'\n').count()).unwrap();
        self.counted
            .file
            .seek(SeekFrom::Start(u64::try_from(whole).unwrap()))
            .unwrap();
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("output")).unwrap()
    }

    /// Ends the others in order, and looks at everything once more.
    pub(crate) fn finish(&mut self) -> Verdict {
        while !self.produced {
            self.check();
            std::thread::yield_now();
        }
        assert!(
            Command::new("kill")
                .args(["-TERM", &self.consumer.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let status = self.consumer.wait().unwrap();
        assert!(status.success(), "the consumer: {status}\n{}", self.logs());
        // What the topic holds, as somebody else reads it.
        let everything = self.command(&["consume", "s/t"]).output().unwrap();
        assert!(everything.status.success(), "{everything:?}");
        let stored = String::from_utf8(everything.stdout).unwrap();
        let stored: Vec<&str> = stored.lines().collect();
        judge(&self.output(), &stored, self.messages)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command(&self.folder, self.port, arguments)
    }

    /// A kill of the producer repeats what was confirmed since it wrote its state, and a
    /// batch; one of the server a batch, whose answer is lost.
    pub(crate) fn most_sent_twice(&self, kills: usize) -> u64 {
        // 50 ms of the fastest sending there is, and a batch.
        u64::try_from(kills).unwrap() * (50_000 + BATCH + BATCH)
    }

    /// What a consumer holds is at most a batch; when the server is killed, the group
    /// is dealt anew, and what is in hand may come again.
    pub(crate) fn most_read_twice(&self, kills: usize) -> u64 {
        u64::try_from(kills).unwrap() * 2 * BATCH
    }

    pub(crate) fn logs(&self) -> String {
        let mut text = String::new();
        for name in ["server.log", "producer.log", "consumer.log"] {
            let log = std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().rev().take(20).collect();
            text.push_str(name);
            for line in lines.iter().rev() {
                text.push_str("\n  ");
                text.push_str(line);
            }
            text.push('\n');
        }
        text
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for process in [&mut self.consumer, &mut self.producer, &mut self.server] {
            // Those that have ended are not there to be killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Counted {
    fn count(&mut self) {
        let mut new = Vec::new();
        self.file.read_to_end(&mut new).unwrap();
        let lines = new.iter().filter(|byte| **byte == b'\n').count();
        self.lines += u64::try_from(lines).unwrap();
    }
}

/// The one of this build, or another, such as an optimised one.
fn program() -> PathBuf {
    std::env::var_os("IGGYCTL_TEST_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_iggyctl").into(), PathBuf::from)
}

fn kill(process: &mut Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

fn command(folder: &TempDir, port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .args(["--server", &format!("iggy://iggy:iggy@127.0.0.1:{port}")])
        .current_dir(folder.path())
        .stdin(Stdio::null());
    command
}

fn log(folder: &TempDir, name: &str) -> File {
    let path: PathBuf = folder.path().join(name);
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

/// Comes back when it listens.
fn start_server(folder: &TempDir, port: u16) -> Child {
    let mut server = Command::new(program())
        .args(["dev", "--data-dir", "data", "-f", "topology.yaml"])
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log(folder, "server.log"))
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    assert_ne!(
        stdout.read_line(&mut line).unwrap(),
        0,
        "the server does not start"
    );
    // It prints one line only: the pipe may go.
    server
}

fn start_producer(folder: &TempDir, port: u16, resumes: bool) -> Child {
    let mut arguments = vec![
        "produce",
        "s/t",
        "--file",
        "input",
        "--lines",
        "--key-separator",
        "\t",
        "--state",
        "sent",
    ];
    arguments.extend(resumes.then_some("--resume"));
    command(folder, port, &arguments)
        .stdout(Stdio::null())
        .stderr(log(folder, "producer.log"))
        .spawn()
        .unwrap()
}

fn start_consumer(folder: &TempDir, port: u16) -> Child {
    let arguments = ["consume", "s/t", "--group", "g", "--follow"];
    command(folder, port, &arguments)
        .stdout(log(folder, "output"))
        .stderr(log(folder, "consumer.log"))
        .spawn()
        .unwrap()
}
