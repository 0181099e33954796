//! How `iggyctl dev` may be talked to.

use crate::sandbox::{DevServer, Sandbox};

#[test]
fn dev_with_a_certificate_of_its_own_says_how_to_trust_it() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "topology.yaml",
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: orders }\nspec:\n  streams:\n    - name: orders\n",
    );
    let server = DevServer::start(&sandbox, &["--tls", "-f", "topology.yaml"]);
    let (address, authority) = server
        .connection_string
        .split_once("&tls_ca_file=")
        .expect("the address names the file");
    let run = |address: &str| sandbox.run(&["get", "streams", "--server", address]);
    let trusting = run(&server.connection_string);
    assert_eq!(trusting.code, 0, "{}", trusting.transcript());
    assert!(trusting.stdout.contains("orders"), "{}", trusting.stdout);
    let wary = run(address);
    assert_eq!(wary.code, 69, "{}", wary.transcript());
    assert!(wary.stderr.contains("is not trusted"), "{}", wary.stderr);
    let plain = run(address.split_once('?').expect("there are options").0);
    assert_eq!(plain.code, 69, "{}", plain.transcript());
    assert!(plain.stderr.contains("wants TLS"), "{}", plain.stderr);
    assert!(
        std::fs::read_to_string(authority)
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE")
    );
}

#[test]
fn dev_with_a_certificate_of_somebody_elses() {
    let sandbox = Sandbox::new();
    let made = rcgen::generate_simple_self_signed(["broker.example".to_owned()]).unwrap();
    sandbox.write("certificate.pem", made.cert.pem());
    sandbox.write("key.pem", made.signing_key.serialize_pem());
    let files = [
        "--tls-certificate",
        "certificate.pem",
        "--tls-key",
        "key.pem",
    ];
    let server = DevServer::start(&sandbox, &files);
    let options = "tls_ca_file=certificate.pem&tls_domain=broker.example";
    let address = format!("{}&{options}", server.connection_string);
    let run = sandbox.run(&["get", "streams", "--server", &address]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn dev_says_what_is_wrong_with_a_certificate() {
    let sandbox = Sandbox::new();
    sandbox.write("certificate.pem", "hello");
    let files = [
        "--tls-certificate",
        "certificate.pem",
        "--tls-key",
        "key.pem",
    ];
    let run = sandbox.run(&[["dev", "--listen", "127.0.0.1:0"].as_slice(), &files].concat());
    assert_eq!(run.code, 65, "{}", run.transcript());
    assert!(run.stderr.contains("certificate.pem"), "{}", run.stderr);
    for flags in [
        ["--tls-certificate", "certificate.pem"].as_slice(),
        &["--tls-key", "key.pem"],
        &[
            "--tls",
            "--tls-certificate",
            "certificate.pem",
            "--tls-key",
            "key.pem",
        ],
    ] {
        let run = sandbox.run(&[["dev"].as_slice(), flags].concat());
        assert_eq!(run.code, 64, "{}", run.transcript());
    }
}

#[test]
fn dev_answers_http_quic_and_websocket() {
    use std::io::{Read as _, Write as _};

    let sandbox = Sandbox::new();
    let flags = [
        ["--http", "127.0.0.1:0"],
        ["--quic", "127.0.0.1:0"],
        ["--websocket", "127.0.0.1:0"],
    ]
    .concat();
    let _server = DevServer::start(&sandbox, &flags);
    // The line of the address was printed; the next one may still be on its way.
    let address_after = |words: &str| loop {
        let log = std::fs::read_to_string(sandbox.path().join("dev.log")).unwrap();
        if let Some((_, rest)) = log.split_once(words)
            && let Some((address, _)) = rest.split_once(".\n")
        {
            break address.to_owned();
        }
        std::thread::yield_now();
    };
    let address = address_after("HTTP on http://");
    // The program's own clients of the others.
    for (words, scheme) in [("QUIC on ", "iggy+quic"), ("WebSocket on ", "iggy+ws")] {
        let server = format!("{scheme}://iggy:iggy@{}", address_after(words));
        let run = sandbox.run(&["get", "streams", "--server", &server]);
        assert_eq!(run.code, 0, "{}", run.transcript());
    }
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let request = "GET /ping HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    assert!(reply.ends_with("pong"), "{reply}");
    let run = sandbox.run(&["dev", "--listen", "127.0.0.1:0", "--http", &address]);
    assert_eq!(run.code, 1, "{}", run.transcript());
    assert!(run.stderr.contains("--http ADDRESS"), "{}", run.stderr);
}
