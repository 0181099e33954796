//! A headless Chromium, driven over its DevTools protocol.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Long, since several browsers may share a small machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The one that was named, or the one of this machine.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("IGGYCTL_TEST_BROWSER") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// One browser with one page.
pub(crate) struct Browser {
    process: Child,
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    last_id: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn start(program: &Path) -> Result<Self, Failure> {
        let profile = tempfile::tempdir()?;
        let mut process = Command::new(program)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--remote-debugging-port=0",
                "--window-size=1400,1000",
                "about:blank",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stderr = BufReader::new(process.stderr.take().ok_or("no standard error")?);
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            if stderr.read_line(&mut line)? == 0 {
                return Err(format!("the browser ended: {said}").into());
            }
            if let Some(address) = line.trim().strip_prefix("DevTools listening on ") {
                break address.to_owned();
            }
            said.push_str(&line);
        };
        // Nobody reads it from here on, and it must not fill up.
        std::thread::spawn(move || {
            let _ = stderr.read_to_end(&mut Vec::new());
        });
        let host = address
            .strip_prefix("ws://")
            .and_then(|rest| rest.split('/').next())
            .ok_or("no address")?;
        let stream = TcpStream::connect(host).await?;
        let (socket, _) = tokio_tungstenite::client_async(&address, stream).await?;
        Ok(Self {
            process,
            socket,
            session: None,
            last_id: 0,
            events: Vec::new(),
            _profile: profile,
        })
    }

    /// Opens a file as a page, and waits until it and its script are ready.
    pub(crate) async fn open(&mut self, file: &Path) -> Result<(), Failure> {
        self.session = None;
        let target = self
            .call("Target.createTarget", json!({ "url": "about:blank" }))
            .await?;
        let attached = self
            .call(
                "Target.attachToTarget",
                json!({ "targetId": target["targetId"], "flatten": true }),
            )
            .await?;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{domain}.enable"), json!({})).await?;
        }
        self.events.clear();
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", json!({ "url": url })).await?;
        self.wait_for("Page.loadEventFired").await
    }

    async fn wait_for(&mut self, event: &str) -> Result<(), Failure> {
        let waiting = async {
            while !self.events.iter().any(|it| it["method"] == event) {
                self.receive().await?;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, waiting).await?
    }

    /// What an expression is, once it is settled.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Result<Value, Failure> {
        let answer = self
            .call(
                "Runtime.evaluate",
                json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
            )
            .await?;
        if !answer["exceptionDetails"].is_null() {
            return Err(format!("{expression}: {}", answer["exceptionDetails"]).into());
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Presses a key, as a person does.
    pub(crate) async fn press(&mut self, key: &str) -> Result<(), Failure> {
        let text = if key.chars().count() == 1 { key } else { "" };
        let code = match key {
            "Escape" => 27,
            "Enter" => 13,
            _ => 0,
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }

    pub(crate) async fn scheme(&mut self, scheme: &str) -> Result<(), Failure> {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await?;
        Ok(())
    }

    /// Saves what is seen, for people who asked to look at it.
    pub(crate) async fn screenshot(&mut self, name: &str) -> Result<(), Failure> {
        let picture = self
            .call("Page.captureScreenshot", json!({ "format": "png" }))
            .await?;
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap_or_default())?;
        if let Some(folder) = std::env::var_os("IGGYCTL_TEST_SCREENSHOTS") {
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes)?;
        }
        Ok(())
    }

    /// What comes out of the printer, as PDF.
    pub(crate) async fn printed(&mut self) -> Result<Vec<u8>, Failure> {
        let printed = self.call("Page.printToPDF", json!({})).await?;
        Ok(STANDARD.decode(printed["data"].as_str().unwrap_or_default())?)
    }

    /// What the page asked for besides itself.
    pub(crate) fn requests(&self) -> Vec<String> {
        let urls = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .map(|event| {
                event["params"]["request"]["url"]
                    .as_str()
                    .unwrap_or_default()
            });
        let mut urls: Vec<String> = urls
            .filter(|url| !url.starts_with("data:"))
            .map(str::to_owned)
            .collect();
        if urls.first().is_some_and(|url| url.starts_with("file://")) {
            urls.remove(0);
        }
        urls
    }

    /// What went wrong in the page, and what its console shows as an error or a warning.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let is_bad = |event: &&Value| {
            matches!(
                event["method"].as_str(),
                Some(
                    "Runtime.exceptionThrown"
                        | "Runtime.consoleAPICalled"
                        | "Log.entryAdded"
                        | "Page.javascriptDialogOpening"
                )
            )
        };
        self.events
            .iter()
            .filter(is_bad)
            .map(Value::to_string)
            .collect()
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Result<Value, Failure> {
        self.last_id += 1;
        let id = self.last_id;
        let mut request = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = session.as_str().into();
        }
        self.socket.send(Message::text(request.to_string())).await?;
        let answering = async {
            loop {
                if let Some(answer) = self.receive().await?
                    && answer["id"] == id
                {
                    if !answer["error"].is_null() {
                        return Err(format!("{method}: {}", answer["error"]).into());
                    }
                    return Ok(answer["result"].clone());
                }
            }
        };
        tokio::time::timeout(PATIENCE, answering).await?
    }

    /// Takes the next message; an event is kept, an answer is given back.
    async fn receive(&mut self) -> Result<Option<Value>, Failure> {
        let message = self.socket.next().await.ok_or("the browser hung up")??;
        let Message::Text(text) = message else {
            return Ok(None);
        };
        let message: Value = serde_json::from_str(&text)?;
        if message["method"].is_string() {
            self.events.push(message);
            return Ok(None);
        }
        Ok(Some(message))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
