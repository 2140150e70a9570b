//! Clients that mean no good, or break on the way: what becomes of them, and of the others.

mod support;

use std::io::{Read, Write};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use support::{Answer, FORM, LONG, Running, astronaut, picture, request};

/// Waits until the server closes a connection; gives what it said before.
fn closed(mut stream: std::net::TcpStream) -> String {
    let mut said = Vec::new();
    // A reset closes it, too.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// The head of a PNG of that size, without its pixels.
fn bomb(side: u32) -> Vec<u8> {
    let mut photo = picture(8, 8);
    photo[16..20].copy_from_slice(&side.to_be_bytes());
    photo[20..24].copy_from_slice(&side.to_be_bytes());
    let sum = crc32fast::hash(&photo[12..29]);
    photo[29..33].copy_from_slice(&sum.to_be_bytes());
    photo
}

#[test]
fn what_is_no_photo_is_told() {
    let server = Running::with_limits(|limits| limits.pixels = 1_000_000);
    let photo = astronaut();
    server.post("/v1/segment", b"").fails(400, "invalid argument", "empty");
    server.post("/v1/segment", b"no photo at all").fails(415, "unsupported", "not a picture");
    server.post("/v1/segment", b"<!doctype html><title>x</title>").fails(415, "unsupported", "web page");
    server.post("/v1/segment", &photo[..photo.len() / 2]).fails(422, "damaged", "PNG");
    server.post("/v1/segment", &bomb(1_001)).fails(413, "unsupported", "1001x1001");
    server.post("/v1/segment", &bomb(60_000)).fails(413, "unsupported", "60000x60000");
    server.ask("POST", "/v1/segment", &[("Content-Encoding", "gzip")], &photo).fails(
        415,
        "unsupported",
        "compressed",
    );
    for body in [
        &b"--xyz\r\n"[..],
        b"",
        b"--xyz\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc",
        &[0xff; 1_000],
    ] {
        server.ask("POST", "/v1/segment", &[FORM], body).fails(422, "damaged", "form");
    }
    server.ask("POST", "/v1/segment", &[("Content-Type", "multipart/form-data")], b"x").fails(
        400,
        "invalid argument",
        "boundary",
    );
    assert_eq!(server.post("/v1/segment", &photo).status, 200);
}

#[test]
fn a_body_beyond_the_limit_is_not_taken() {
    let server = Running::with_limits(|limits| limits.body = 100_000);
    // 10 GB are announced; none of them is waited for.
    let mut stream = server.connect();
    write!(stream, "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10737418240\r\n\r\n")
        .expect("sent");
    Answer::read(stream).fails(413, "out of memory", "100000 bytes");
    // Nothing is announced, and more and more comes.
    let mut stream = server.connect();
    write!(stream, "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        .expect("sent");
    let chunk = [&b"8000\r\n"[..], &[7; 0x8000], b"\r\n"].concat();
    for _ in 0..4 {
        let _ = stream.write_all(&chunk);
    }
    Answer::read(stream).fails(413, "out of memory", "100000 bytes");
    assert_eq!(server.post("/v1/segment", &picture(20, 20)).status, 200);
    server.wait_for("kmax_body_bytes", |bytes| bytes == 0.0);
}

#[test]
fn bodies_share_a_memory() {
    let server = Running::with_limits(|limits| (limits.body, limits.memory) = (100_000, 150_000));
    let half = |_| {
        let mut stream = server.connect();
        let whole = request("POST", "/v1/segment", &[], &[7; 90_000]);
        stream.write_all(&whole[..whole.len() - 1]).expect("sent");
        stream
    };
    let first = half(());
    server.wait_for("kmax_body_bytes", |bytes| bytes >= 89_999.0);
    let second = half(());
    Answer::read(second).fails(429, "busy", "150000");
    drop(first);
    server.wait_for("kmax_body_bytes", |bytes| bytes == 0.0);
}

#[test]
fn slow_headers_and_bodies_are_dropped() {
    let server = Running::with_limits(|limits| {
        (limits.headers, limits.upload) = (Duration::from_millis(300), Duration::from_millis(300));
    });
    let begun = Instant::now();
    let mut slow = server.connect();
    let mut body = server.connect();
    body.write_all(b"POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
        .expect("sent");
    let idle = server.connect();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHo").expect("sent");
    // Others are served meanwhile.
    assert_eq!(server.get("/healthz").status, 200);
    Answer::read(body).fails(408, "cancelled", "0.3 s");
    // The byte now and then that keeps it alive elsewhere.
    while slow.write_all(b"s").is_ok() && begun.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = closed(slow);
    assert!(begun.elapsed() < LONG && !said.contains(" 200 "), "{said}");
    assert_eq!(closed(idle), "");
}

#[test]
fn idle_connections_make_room_for_others() {
    let server = Running::with_limits(|limits| limits.connections = 16);
    let idle: Vec<_> = (0..200).map(|_| server.connect()).collect();
    let answer = server.post("/v1/segment", &picture(30, 20));
    assert_eq!(answer.status, 200);
    server.wait_for("kmax_connections_dropped_total", |dropped| dropped >= 180.0);
    assert!(server.metric("kmax_connections") <= 16.0);
    assert_eq!(closed(idle.into_iter().next().expect("one")), "");
}

#[test]
fn who_goes_away_costs_nothing_more() {
    let server = Running::with_limits(|limits| (limits.workers, limits.queue) = (1, 100));
    let photo = astronaut();
    let streams: Vec<_> = (0..30)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(&request("POST", "/v1/segment", &[], &photo)).expect("sent");
            stream
        })
        .collect();
    server.wait_for("kmax_requests_waiting", |waiting| waiting >= 20.0);
    drop(streams);
    server.wait_for("kmax_requests_waiting", |waiting| waiting == 0.0);
    server.wait_for("kmax_requests_running", |running| running == 0.0);
    let runs = server.metric("kmax_stage_seconds_count{stage=\"network\"}");
    assert!(runs < 15.0, "the network ran {runs} times for nobody");
    server.wait_for("kmax_body_bytes", |bytes| bytes == 0.0);
    assert_eq!(server.post("/v1/segment", &photo).status, 200);
}

#[test]
fn more_than_the_queue_holds_is_told_when_to_come_back() {
    let server = Arc::new(Running::with_limits(|limits| (limits.workers, limits.queue) = (1, 1)));
    let (photo, start) = (Arc::new(astronaut()), Arc::new(Barrier::new(8)));
    let ask = |_| {
        let (server, photo, start) = (server.clone(), photo.clone(), start.clone());
        std::thread::spawn(move || {
            start.wait();
            server.post("/v1/segment", &photo)
        })
    };
    let threads: Vec<_> = (0..8).map(ask).collect();
    let answers: Vec<Answer> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    let (fine, busy): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert!(!fine.is_empty() && !busy.is_empty());
    for answer in busy {
        answer.fails(429, "busy", "waiting or worked on");
        assert!(
            answer
                .header("retry-after")
                .and_then(|n| n.parse().ok())
                .is_some_and(|n: u64| (1..=60).contains(&n))
        );
    }
}

#[test]
fn strangers_are_kept_out() {
    let server = Running::new(|settings| {
        settings.access = settings.access.clone().with_token(Some("0123456789abcdef".into()));
    });
    let answer = server.get("/v1/models");
    answer.fails(401, "forbidden", "Bearer");
    assert!(answer.header("www-authenticate").is_some());
    assert_eq!(
        server.ask("GET", "/v1/models", &[("Authorization", "Bearer 0123456789abcdef")], b"").status,
        200
    );
    let server = Running::new(|settings| {
        settings.access = settings.access.clone().with_origins(vec!["https://a.example".into()]);
    });
    server.ask("POST", "/v1/segment", &[("Origin", "https://b.example")], b"x").fails(
        403,
        "forbidden",
        "b.example",
    );
    let allowed = server.ask("GET", "/v1/models", &[("Origin", "https://a.example")], b"");
    assert_eq!(
        (allowed.status, allowed.header("access-control-allow-origin")),
        (200, Some("https://a.example"))
    );
    let asks = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")];
    assert_eq!(server.ask("OPTIONS", "/v1/segment", &asks, b"").status, 204);
    let mut stream = server.connect();
    write!(stream, "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        .expect("sent");
    Answer::read(stream).fails(421, "forbidden", "evil.example");
}

#[test]
fn what_was_begun_is_finished_before_the_end() {
    let mut server = Running::new(|_| {});
    let idle = server.connect();
    let mut stream = server.connect();
    stream.write_all(&request("POST", "/v1/segment", &[], &astronaut())).expect("sent");
    server.wait_for("kmax_requests_running", |running| running == 1.0);
    server.stop();
    assert_eq!(Answer::read(stream).status, 200);
    assert_eq!(closed(idle), "");
    assert!(std::net::TcpStream::connect(server.address).is_err());
}

#[test]
fn noise_ends_its_own_connection_alone() {
    let server = Running::new(|_| {});
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        &[b'a'; 100_000],
    ] {
        let mut stream = server.connect();
        let _ = stream.write_all(noise);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let said = closed(stream);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    }
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let mut stream = server.connect();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n{many}\r\n").expect("sent");
    assert!(closed(stream).starts_with("HTTP/1.1 431"));
    assert_eq!(server.get("/healthz").status, 200);
}
