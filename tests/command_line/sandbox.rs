//! A folder and an environment of its own for each test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// An empty folder in which the binary is run with an empty environment.
pub(crate) struct Sandbox {
    folder: TempDir,
    variables: Vec<(String, String)>,
    masks: Vec<(String, &'static str)>,
}

/// How one run of the binary ended.
pub(crate) struct Run {
    arguments: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
            masks: Vec::new(),
        }
    }

    /// Sets a variable for all later runs.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Unsets a variable for all later runs.
    #[allow(dead_code, reason = "for one of the targets that share this")]
    pub(crate) fn forget(&mut self, variable: &str) {
        self.variables.retain(|(name, _)| name != variable);
    }

    /// Shows `text` as `mask` in all later transcripts.
    pub(crate) fn mask(&mut self, text: impl Into<String>, mask: &'static str) {
        self.masks.push((text.into(), mask));
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).unwrap();
        }
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The binary, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iggyctl"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path().join("home"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// What a text looks like in a transcript.
    pub(crate) fn masked(&self, text: String) -> String {
        let folder = self.folder.path().display().to_string();
        self.masks
            .iter()
            .fold(text.replace(&folder, "[FOLDER]"), |text, (from, to)| {
                text.replace(from, to)
            })
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with_input(arguments, "")
    }

    /// Runs the binary to its end with something on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        let input_file = self.write(".standard-input", input);
        let output = self
            .command(arguments)
            .stdin(std::fs::File::open(input_file).unwrap())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| self.masked(String::from_utf8(bytes).unwrap());
        Run {
            arguments: self.masked(arguments.join(" ")),
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// `iggyctl dev` as a process of its own.
pub(crate) struct DevServer {
    process: Child,
    /// What it printed first: the connection string.
    pub(crate) connection_string: String,
}

impl DevServer {
    /// Starts it on a free port and waits for its connection string.
    pub(crate) fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut all = vec!["dev", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        let mut process = sandbox
            .command(&all)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(sandbox.path().join("dev.log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.starts_with("iggy://"), "dev printed {line:?}");
        Self {
            process,
            connection_string: line.trim().to_owned(),
        }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        self.connection_string.rsplit('@').next().unwrap()
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it with SIGKILL, as a power switch would end the process.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        // It may have ended by itself; SIGKILL ends a stopped process, too.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Run {
    /// Shows `text` as `mask` in this transcript.
    pub(crate) fn hide(&mut self, text: &str, mask: &str) {
        for part in [&mut self.arguments, &mut self.stdout, &mut self.stderr] {
            *part = part.replace(text, mask);
        }
    }

    /// [`Self::transcript`] with the lines of progress in the order of what they say,
    /// numbered anew: steps that do not need each other end in any order.
    #[allow(dead_code, reason = "for one of the targets that share this")]
    pub(crate) fn sorted_transcript(mut self) -> String {
        let lines = || self.stderr.lines();
        let step = |line: &str| Some(line.strip_prefix('[')?.split_once("] ")?.1.to_owned());
        let mut steps: Vec<String> = lines().filter_map(step).collect();
        steps.sort();
        let count = steps.len();
        let mut steps = steps.into_iter().enumerate();
        let sorted: String = lines()
            .map(|line| match step(line).and_then(|_| steps.next()) {
                Some((at, step)) => format!("[{}/{count}] {step}\n", at + 1),
                None => format!("{line}\n"),
            })
            .collect();
        self.stderr = sorted;
        self.transcript()
    }

    /// The whole run as one text for a snapshot.
    pub(crate) fn transcript(&self) -> String {
        let mut text = format!("$ iggyctl {}\n", self.arguments);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text.push_str(&format!("-- {name}\n{stream}"));
                if !stream.ends_with('\n') {
                    text.push('\n');
                }
            }
        }
        text.push_str(&format!("-- exit code {}\n", self.code));
        text
    }
}
