//! A proxy for a server on this machine that holds back each request for a time.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// A proxy. Its threads end with the process.
pub(super) struct Proxy {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
}

impl Proxy {
    /// Starts a proxy for a server.
    pub(super) fn start(server: SocketAddr, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let requests = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                thread::spawn(move || serve(&client, server, delay, &counted));
            }
        });
        Self { address, requests }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how many requests were held back so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Passes on what comes on one connection. The client sends one request at a time, so the first bytes after a response are the
/// beginning of the next request.
fn serve(client: &TcpStream, server: SocketAddr, delay: Duration, requests: &AtomicU64) {
    let Ok(server) = TcpStream::connect(server) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(mut from_server), Ok(mut to_client)) = (server.try_clone(), client.try_clone()) else { return };
    let (Ok(mut from_client), mut to_server) = (client.try_clone(), server) else { return };
    let answered = Arc::new(AtomicU64::new(0));
    let answers = Arc::clone(&answered);
    let back = thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut buffer) {
            answers.fetch_add(1, Ordering::SeqCst);
            if to_client.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 64 * 1024];
    let mut seen = u64::MAX;
    while let Ok(read @ 1..) = from_client.read(&mut buffer) {
        let now = answered.load(Ordering::SeqCst);
        if seen != now {
            seen = now;
            requests.fetch_add(1, Ordering::Relaxed);
            thread::sleep(delay);
        }
        if to_server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to_server.shutdown(Shutdown::Both);
    let _ = back.join();
}
