//! HTTPS: whom the program trusts.
//!
//! The server's certificate, for this machine alone, is signed by the root beside it, whose own key was thrown away;
//! the stranger is another such root. Elsewhere than on Linux the system has its say about roots, and its own rules
//! for how long a certificate may hold.

use super::remote::Remote;
use super::{Place, Ran};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

const CERTIFICATE: &[u8] = include_bytes!("tls/server.der");
const KEY: &[u8] = include_bytes!("tls/server.key.der");

/// Serves a plain server once more, over TLS.
async fn encrypted(plain: SocketAddr) -> SocketAddr {
    let certificates = vec![CertificateDer::from(CERTIFICATE)];
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, PrivatePkcs8KeyDer::from(KEY).into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not trust the certificate goes before anything is asked.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(plain).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_of_ones_own_is_trusted_where_it_is_named() {
    let remote = Remote::start(Vec::new()).await;
    let plain = remote.emulator.url().strip_prefix("http://").unwrap().parse().unwrap();
    let address = encrypted(plain).await;
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/tls");
    let [root, stranger] = ["root.pem", "stranger.pem"].map(|file| roots.join(file).display().to_string());
    let here = format!("https://{address}");
    // The certificate does not have this name for the same place.
    let elsewhere = format!("https://[::ffff:127.0.0.1]:{}", address.port());
    let whoami = |url: &str, options: &str| {
        remote.place.command(&format!("whoami --graph-url {url} {options}")).spawn().unwrap()
    };
    let told = |child: Child| Ran::from(child.wait_with_output().unwrap());

    let unknown = "invalid peer certificate: UnknownIssuer";
    let refused = [
        (whoami(&here, ""), unknown),
        (whoami(&here, &format!("--ca-file {stranger}")), unknown),
        (
            whoami(&elsewhere, &format!("--ca-file {root} --allow-host [::ffff:7f00:1]")),
            "invalid peer certificate: certificate not valid",
        ),
    ];
    for (child, why) in refused {
        let ran = told(child).ends(1).says("the API could not be reached").says(why);
        ran.says("hint: check the network, --graph-url, the proxy variables and --ca-file");
    }
    assert_eq!(remote.emulator.calls(), [], "a server that is not trusted is not told the token");
    told(whoami(&here, &format!("--ca-file {root}"))).ends(0).says("CI Admin");
}

#[test]
fn a_file_without_roots_is_told_as_such() {
    let place = Place::new().set("WABACL_TOKEN", "EAAsecret");
    for (text, told) in [("", "contains no certificate"), ("-----BEGIN CERTIFICATE-----\nA\n", "is not PEM")]
    {
        place.write("roots.pem", text);
        place.run("whoami --ca-file roots.pem").ends(1).says(&format!("--ca-file roots.pem {told}"));
    }
    place.run("whoami --ca-file nowhere.pem").ends(1).says("--ca-file nowhere.pem could not be read");
}
