//! The server itself: it listens, and hands each connection's requests to the routes.

use crate::access::Guard;
use crate::budget::Budget;
use crate::connections::{Connection, Connections, Phase, Tracked};
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::models::Models;
use crate::openapi::Document;
use crate::predictions::Kept;
use crate::queue::Queue;
use crate::settings::Settings;
use crate::state::State;
use crate::{middleware, routes};
use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use kmax_model::Segmenter;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// The most bytes of a request's headers.
const HEADERS: usize = 32 << 10;
/// Threads that read and write; the work is done by others.
const THREADS: usize = 2;
/// What is waited when the system gives no connection, for lack of files.
const PAUSE: Duration = Duration::from_millis(50);

/// A server that listens already, and answers once it [runs](Server::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
    guard: Arc<Guard>,
    stop: watch::Sender<bool>,
}

/// Stops a server from elsewhere.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// No more connections; requests in flight are finished.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Takes the address and starts the workers. Models are by the names that requests use; the first is the default.
    ///
    /// # Errors
    /// If the address cannot be had or would be open to strangers, or a setting makes no sense.
    pub fn bind(settings: Settings, models: Vec<(String, Segmenter)>) -> Result<Self> {
        settings.check()?;
        let guard = Arc::new(Guard::new(&settings.access, settings.address)?);
        let models = Models::new(models)?;
        let failed = |source| Error::Listen { address: settings.address, source };
        let listener = TcpListener::bind(settings.address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let limits = &settings.limits;
        let state = State {
            queue: Queue::start(limits.workers, limits.queue, limits.request)?,
            budget: Budget::new(limits.memory),
            kept: Kept::new(limits.predictions, limits.predictions_memory, limits.predictions_time),
            metrics: Metrics::default(),
            ready: AtomicBool::new(true),
            models,
            settings,
        };
        let stop = watch::Sender::new(false);
        Ok(Self { listener, address, state: Arc::new(state), guard, stop })
    }

    /// Where it listens, with the port that it really has.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it from another thread.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Answers until it is stopped and all requests in flight are finished.
    ///
    /// # Errors
    /// If threads cannot be started.
    pub fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(8)
            .thread_name("server")
            .enable_all()
            .build()
            .map_err(Error::Threads)?;
        let done = runtime.block_on(self.serve());
        runtime.shutdown_background();
        done
    }

    async fn serve(self) -> Result<()> {
        let failed = |source| Error::Listen { address: self.address, source };
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(failed)?;
        let router = router(self.state.clone(), self.guard);
        let limits = &self.state.settings.limits;
        let connections = Arc::new(Connections::new(limits.connections, limits.headers, limits.download));
        let mut tasks = JoinSet::new();
        let mut stopped = self.stop.subscribe();
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let stopped = self.stop.subscribe();
                        open(stream, &self.state, &router, &connections, stopped, &mut tasks);
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                _ = second.tick() => {
                    let closed = connections.close_slow();
                    self.state.metrics.dropped.fetch_add(closed, Ordering::Relaxed);
                }
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
            self.state.metrics.connections.store(connections.count(), Ordering::Relaxed);
        }
        drop(listener);
        self.state.ready.store(false, Ordering::Relaxed);
        let rest = async { while tasks.join_next().await.is_some() {} };
        // Each request has its own limit; this is for what no limit was thought of.
        let most = limits.upload + limits.request + limits.download;
        let _ = tokio::time::timeout(most, rest).await;
        Ok(())
    }
}

/// All routes with what surrounds them.
fn router(state: Arc<State>, guard: Arc<Guard>) -> Router {
    let (router, document) =
        OpenApiRouter::with_openapi(Document::openapi()).merge(routes::router()).split_for_parts();
    let document: Arc<str> = document.to_json().unwrap_or_default().into();
    let router = router.merge(routes::page::openapi(document)).merge(routes::page::router());
    routes::page::with_fallbacks(router)
        .layer(axum::middleware::from_fn_with_state(guard, middleware::admit))
        .layer(axum::middleware::from_fn_with_state(state.clone(), middleware::observe))
        .with_state(state)
}

/// Begins to answer a connection.
fn open(
    stream: TcpStream,
    state: &Arc<State>,
    router: &Router,
    connections: &Arc<Connections>,
    stopped: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) {
    // If all are at work, nobody makes room.
    let Some((id, connection, closed)) = connections.add() else {
        state.metrics.dropped.fetch_add(1, Ordering::Relaxed);
        return;
    };
    state.metrics.dropped.fetch_add(closed.into(), Ordering::Relaxed);
    let (state, router, connections) = (state.clone(), router.clone(), connections.clone());
    let headers = state.settings.limits.headers;
    tasks.spawn(async move {
        // Answers are written at once, not in packets to be filled.
        let _ = stream.set_nodelay(true);
        let slow = answer(stream, router, connection, headers, stopped).await;
        state.metrics.dropped.fetch_add(slow.into(), Ordering::Relaxed);
        connections.remove(id);
    });
}

/// Answers the requests of a connection until it is closed; gives whether that was for being slow.
async fn answer(
    stream: TcpStream,
    router: Router,
    connection: Arc<Connection>,
    headers: Duration,
    mut stopped: watch::Receiver<bool>,
) -> bool {
    let at = connection.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (router, connection) = (router.clone(), at.clone());
        async move {
            connection.enter(Phase::Working);
            let Ok(response) = router.oneshot(request.map(Body::new)).await;
            connection.enter(Phase::Sending);
            Ok::<_, Infallible>(response.map(|body| Tracked { body, connection }))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(headers).max_buf_size(HEADERS);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let mut stopping = false;
    loop {
        tokio::select! {
            // Errors are the client's: it went away, or sent what is no HTTP.
            served = serving.as_mut() => return served.is_err_and(|error| error.is_timeout()),
            // Whoever closes it counts it.
            () = connection.closed() => return false,
            _ = stopped.wait_for(|stopped| *stopped), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
