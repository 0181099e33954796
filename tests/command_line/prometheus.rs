//! What Prometheus would see of a command that serves metrics.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// An address where nobody listens now.
pub(crate) fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// All metrics, as they are now.
pub(crate) fn metrics(listen: &str) -> String {
    let mut connection = TcpStream::connect(listen).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: metrics\r\nconnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
    page
}

/// The value of a metric, by its name and labels.
pub(crate) fn value(page: &str, metric: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(metric))?;
    line.trim().parse().ok()
}

/// The metrics when they say what is waited for.
pub(crate) fn until(listen: &str, what: &str, is_so: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let page = metrics(listen);
        if is_so(&page) {
            return page;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: {page}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
