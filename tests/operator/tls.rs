//! Servers that speak TLS, with an authority of their own that a Secret has.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use iggyctl_embedded::{EmbeddedServer, PasswordHashing, TlsIdentity};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("tls_with_the_authority_of_a_secret", with_authority),
        trial("tls_what_is_wrong_is_said", what_is_wrong),
        trial("tls_an_authority_is_rotated_without_a_restart", rotated),
    ]
}

/// The Secret that has the authority.
const AUTHORITY: &str = "authority";

/// How long a port may be in use after its server has ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on every transport of administration, with a certificate of its own.
pub(crate) struct Secured {
    runtime: Runtime,
    folder: TempDir,
    identity: TlsIdentity,
    server: Option<EmbeddedServer>,
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A certificate of an authority that nobody else has.
fn identity() -> Result<TlsIdentity, Failure> {
    Ok(TlsIdentity::self_signed(std::iter::empty::<String>())?)
}

impl Secured {
    pub(crate) fn start() -> Result<Self, Failure> {
        let mut secured = Self {
            runtime: Runtime::new()?,
            folder: tempfile::tempdir()?,
            identity: identity()?,
            server: None,
        };
        let any = "127.0.0.1:0".parse()?;
        secured.serve([any, any, any])?;
        Ok(secured)
    }

    /// On TCP, WebSocket and QUIC.
    fn serve(&mut self, [tcp, websocket, quic]: [SocketAddr; 3]) -> Result<(), Failure> {
        let builder = EmbeddedServer::builder()
            .password_hashing(PasswordHashing::Fast)
            .data_dir(self.folder.path())
            .tls(self.identity.clone())
            .listen(tcp)
            .websocket(websocket)
            .quic(quic);
        self.server = Some(self.runtime.block_on(builder.start())?);
        Ok(())
    }

    /// The authority that its clients trust, in PEM.
    pub(crate) fn authority(&self) -> &str {
        pem(&self.identity)
    }

    /// On TCP, WebSocket and QUIC.
    pub(crate) fn addresses(&self) -> [SocketAddr; 3] {
        let server = self.server.as_ref().unwrap();
        let (websocket, quic) = (server.websocket_address(), server.quic_address());
        [server.address(), websocket.unwrap(), quic.unwrap()]
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }

    /// Starts it anew where it was, with what it had, and with another certificate.
    fn renew(&mut self, identity: TlsIdentity) -> Result<(), Failure> {
        let addresses = self.addresses();
        self.stop();
        self.identity = identity;
        let begin = Instant::now();
        loop {
            match self.serve(addresses) {
                // Connections of before may still be closing.
                Err(_) if begin.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                result => return result,
            }
        }
    }

    /// The Secrets, and the `IggyServer` that objects mean when they name none.
    pub(crate) fn connect(&self, laboratory: &Laboratory<'_>) -> Result<(), Failure> {
        let [tcp, ..] = self.addresses();
        laboratory.apply(&secret(
            "root",
            &json!({ "username": "iggy", "password": "iggy" }),
        ))?;
        trust(laboratory, self.authority())?;
        laboratory.apply(&server("default", &format!("iggy://{tcp}"), &trusting()))
    }
}

fn pem(identity: &TlsIdentity) -> &str {
    identity.authority_pem().unwrap()
}

fn secret(name: &str, data: &Value) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "labels": { "iggyctl.dev/watch": "true" } },
        "stringData": data,
    })
    .to_string()
}

fn trust(laboratory: &Laboratory<'_>, certificates: &str) -> Result<(), Failure> {
    laboratory.apply(&secret(AUTHORITY, &json!({ "ca.crt": certificates })))
}

fn trusting() -> Value {
    json!({ "certificateAuthority": { "name": AUTHORITY, "key": "ca.crt" } })
}

fn server(name: &str, address: &str, tls: &Value) -> String {
    let mut object = json!({
        "apiVersion": "iggyctl.dev/v1alpha1",
        "kind": "IggyServer",
        "metadata": { "name": name },
        "spec": { "address": address, "credentialsSecretRef": { "name": "root" } },
    });
    if !tls.is_null() {
        object["spec"]["tls"] = tls.clone();
    }
    object.to_string()
}

/// A stream of this name.
fn stream(name: &str, server: &str) -> String {
    json!({
        "apiVersion": "iggyctl.dev/v1alpha1",
        "kind": "IggyStream",
        "metadata": { "name": name },
        "spec": { "serverRef": { "kind": "IggyServer", "name": server } },
    })
    .to_string()
}

fn with_authority(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    let secured = Secured::start()?;
    secured.connect(&laboratory)?;
    let [tcp, websocket, quic] = secured.addresses();
    let mut named = trusting();
    // The certificate is for this name, too, which nobody looks up.
    named["domain"] = "localhost".into();
    for (name, address, tls) in [
        ("default", format!("iggy://{tcp}"), trusting()),
        ("named", format!("iggy+tcp://{tcp}"), named.clone()),
        ("websocket", format!("iggy+ws://{websocket}"), named),
        // Encrypted, and not checked unless that is asked for.
        ("quic", format!("iggy+quic://{quic}"), Value::Null),
    ] {
        laboratory.apply(&server(name, &address, &tls))?;
        laboratory.apply(&stream(name, name))?;
    }
    laboratory.start_operator()?;
    for name in ["default", "named", "websocket", "quic"] {
        laboratory.ready(&format!("igs/{name}"))?;
        laboratory.ready(&format!("igst/{name}"))?;
    }
    Ok(())
}

fn what_is_wrong(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    let secured = Secured::start()?;
    secured.connect(&laboratory)?;
    let of_others = pem(&identity()?).to_owned();
    laboratory.apply(&secret(
        "others",
        &json!({ "ca.crt": of_others, "text": "none" }),
    ))?;
    let [tcp, websocket, quic] = secured.addresses().map(|it| it.to_string());
    let plain = laboratory.server().address();
    let from =
        |name: &str, key: &str| json!({ "certificateAuthority": { "name": name, "key": key } });
    let mut elsewhere = trusting();
    elsewhere["domain"] = "iggy.example.com".into();
    let cases = [
        (
            "not-asked-for",
            format!("iggy://{tcp}"),
            Value::Null,
            "ServerUnavailable",
            "wants TLS: it needs spec.tls",
        ),
        (
            "not-public",
            format!("iggy://{tcp}"),
            json!({}),
            "ServerUnavailable",
            "is not trusted",
        ),
        (
            "of-others",
            format!("iggy://{tcp}"),
            from("others", "ca.crt"),
            "ServerUnavailable",
            "spec.tls.certificateAuthority says whom to trust",
        ),
        (
            "of-others-websocket",
            format!("iggy+ws://{websocket}"),
            from("others", "ca.crt"),
            "ServerUnavailable",
            "is not trusted",
        ),
        (
            "elsewhere",
            format!("iggy://{tcp}"),
            elsewhere,
            "ServerUnavailable",
            "is not trusted",
        ),
        (
            "no-certificate",
            format!("iggy://{tcp}"),
            from("others", "text"),
            "CredentialsMissing",
            "has no certificate in PEM in the key text",
        ),
        (
            "no-key",
            format!("iggy://{tcp}"),
            from("others", "tls.crt"),
            "CredentialsMissing",
            "has no key tls.crt",
        ),
        (
            "no-secret",
            format!("iggy://{tcp}"),
            from("nowhere", "ca.crt"),
            "CredentialsMissing",
            "is not there",
        ),
        (
            "plain",
            format!("iggy://{plain}"),
            trusting(),
            "ServerUnavailable",
            "does not speak TLS: leave out spec.tls",
        ),
        (
            "quic",
            format!("iggy+quic://{quic}"),
            trusting(),
            "InvalidSpec",
            "spec.tls cannot name others",
        ),
        (
            "http",
            format!("iggy+http://{tcp}"),
            Value::Null,
            "InvalidSpec",
            "HTTP cannot be used",
        ),
    ];
    for (name, address, tls, ..) in &cases {
        laboratory.apply(&server(name, address, tls))?;
    }
    laboratory.start_operator()?;
    for (name, _, _, reason, words) in cases {
        let found = laboratory.wait_for(&format!("igs/{name}"), "Ready", "False", reason)?;
        let conditions = found["status"]["conditions"].to_string();
        if !conditions.contains(words) {
            return Err(format!("{name}: {conditions}").into());
        }
    }
    Ok(())
}

fn rotated(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    let mut secured = Secured::start()?;
    secured.connect(&laboratory)?;
    laboratory.apply(&stream("default", "default"))?;
    laboratory.start_operator()?;
    laboratory.ready("igst/default")?;

    let first = secured.identity.clone();
    let second = identity()?;
    secured.renew(second.clone())?;
    laboratory.look_again("igst/default")?;
    let found = laboratory.wait_for("igs/default", "Ready", "False", "ServerUnavailable")?;
    let conditions = found["status"]["conditions"].to_string();
    if !conditions.contains("is not trusted") {
        return Err(conditions.into());
    }
    // Seen at once: nobody asks for it.
    trust(&laboratory, pem(&second))?;
    laboratory.ready("igs/default")?;
    laboratory.apply(&stream("after", "default"))?;
    laboratory.ready("igst/after")?;

    // With both, a certificate may change at any time.
    trust(&laboratory, &[pem(&second), pem(&first)].concat())?;
    secured.renew(first)?;
    laboratory.apply(&stream("with-both", "default"))?;
    laboratory.ready("igst/with-both")?;
    laboratory.ready("igs/default")?;
    Ok(())
}
