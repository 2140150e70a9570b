//! Requests to a server of this process, over a connection. The first byte says which: any bytes, or a body for one of the routes.
//!
//! Each is answered by a status line, or the connection is closed; no answer says that something went wrong within the server.
#![no_main]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use kmax_model::candle_core::{DType, Device};
use kmax_model::{Config, KMaxDeepLab, Params, PreprocessConfig, Preset, Segmenter};
use kmax_server::{Server, Settings};

/// Routes that take a body, and what it is said to be.
const ROUTES: [(&str, &str); 9] = [
    ("/v1/segment", "Content-Type: image/png"),
    ("/v1/segment?masks=rle", "Content-Type: multipart/form-data; boundary=x"),
    ("/v1/batch", "Content-Type: multipart/form-data; boundary=x"),
    ("/v1/predictions", "Content-Type: image/jpeg"),
    ("/predict", "Content-Type: application/json"),
    ("/setup", "Content-Type: application/json"),
    ("/v2/models/small/infer", "Content-Type: application/json"),
    ("/v2/models/small/infer", "Inference-Header-Content-Length: 20"),
    ("/v2/models/small/infer", "Inference-Header-Content-Length: 200"),
];

fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let preset = Preset::named("kmax-people").expect("a preset");
        let config = Config { preprocess: PreprocessConfig::fit(33), ..preset.config() };
        let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
        let network = KMaxDeepLab::new(&config.network, &params).expect("a network");
        let segmenter = Segmenter::from_network(config, network, &Device::Cpu);
        let settings = Settings::new((Ipv4Addr::LOCALHOST, 0).into());
        let server = Server::bind(settings, vec![("small".into(), segmenter)]).expect("a server");
        let address = server.address();
        std::thread::spawn(|| server.run());
        address
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let mut connection = TcpStream::connect(address()).expect("it listens");
    connection.set_read_timeout(Some(Duration::from_secs(8))).expect("a timeout");
    let request = match ROUTES.get(usize::from(*first) % (ROUTES.len() + 1)) {
        None => bytes.to_vec(),
        Some((route, header)) => {
            let length = bytes.len();
            let head = format!(
                "POST {route} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\nContent-Length: {length}\r\n\r\n"
            );
            [head.as_bytes(), bytes].concat()
        }
    };
    // It may have been refused before its end.
    let _ = connection.write_all(&request);
    let _ = connection.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = connection.take(1 << 20).read_to_end(&mut answer);
    if !answer.is_empty() {
        let status = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        assert!(status.starts_with("HTTP/1."), "{status}");
        // Too much at once is said so; anything else of this sort is a fault.
        assert!(
            !status[9..].starts_with('5') || status.ends_with("503"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
});
