//! One build: session, solve, status stream and the caller's function, side by side.
//!
//! The order of BuildKit's own client (`client/solve.go`): session first, then solve, status and gateway
//! concurrently; the session ends after the solve, the status stream by itself or after a bounded wait.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::client::Client;
use super::error::{BuildError, Error, GatewayFailure};
use super::gateway::Gateway;
use super::proto::control::{self, StatusRequest, StatusResponse};
use super::request::{BuildOutcome, BuildRequest, CacheEntry, ExportTarget};
use super::result::BuildResult;
use super::session::{Refusals, Session, SessionOptions};

/// How long the status stream may say nothing, once the solve is over, before it is given up.
const STATUS_SILENCE: Duration = Duration::from_secs(5);
/// The same for a build of which no status was ever heard: the daemon did not accept it.
const STATUS_NEVER_BEGAN: Duration = Duration::from_secs(1);
/// How long a failed build may take to fail the solve after the failure was returned.
const RETURN_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn run<T, E, F, Fut>(
    client: &Client,
    request: BuildRequest,
    session: SessionOptions,
    events: mpsc::Sender<StatusResponse>,
    cancel: &CancellationToken,
    function: F,
) -> Result<BuildOutcome<T>, BuildError<E>>
where
    F: FnOnce(Gateway) -> Fut,
    Fut: Future<Output = Result<(BuildResult, T), E>>,
    E: GatewayFailure,
{
    let (build_ref, session_id) = (random_id(), random_id());
    let cache_imports = request.cache_imports.clone();
    let (message, targets) = solve_message(request, &build_ref, &session_id);
    let refusals = Refusals::default();
    let opening = Session::open(client.channel(), &session_id, session, targets, refusals.clone());
    let session = tokio::select! {
        () = cancel.cancelled() => return Err(BuildError::Cancelled),
        session = opening => session?,
    };
    let gateway = Gateway::new(client, build_ref.clone(), session_id, cache_imports, refusals);
    let (activity, seen) = watch::channel(());
    let following = tokio::spawn(follow_status(client.clone(), build_ref, events, activity));
    let following = AbortOnDropHandle::new(following);

    let ended = tokio::select! {
        () = cancel.cancelled() => Err(BuildError::Cancelled),
        ended = drive(client, message, &gateway, function) => ended,
    };
    drop(session);
    finish_status(following, seen).await;
    ended
}

/// Runs the caller's function beside the solve, returns its result to the daemon and awaits the exporters.
async fn drive<T, E, F, Fut>(
    client: &Client,
    message: control::SolveRequest,
    gateway: &Gateway,
    function: F,
) -> Result<BuildOutcome<T>, BuildError<E>>
where
    F: FnOnce(Gateway) -> Fut,
    Fut: Future<Output = Result<(BuildResult, T), E>>,
    E: GatewayFailure,
{
    let mut control = client.control();
    let solve = async {
        let reply = control.solve(message).await.map_err(|status| gateway.failed("Solve", status))?;
        Ok::<_, Error>(reply.into_inner().exporter_response.into_iter().collect())
    };
    tokio::pin!(solve);

    let made = tokio::select! {
        biased;
        made = function(gateway.clone()) => made,
        ended = &mut solve => {
            let _: BTreeMap<String, String> = ended?;
            return Err(Error::Incomplete { during: "Solve", missing: "the result that it was to wait for" }.into());
        }
    };
    match made {
        Ok((result, value)) => {
            let refused = async {
                match gateway.return_result(result).await {
                    Ok(()) => std::future::pending().await,
                    Err(error) => error,
                }
            };
            let exporter_response = tokio::select! {
                biased;
                ended = &mut solve => ended?,
                error = refused => {
                    // If the build itself went wrong, the solve knows better why than the call does.
                    let ended = tokio::time::timeout(RETURN_TIMEOUT, solve).await;
                    return Err(ended.ok().and_then(Result::err).unwrap_or(error).into());
                }
            };
            Ok(BuildOutcome { exporter_response, build_ref: gateway.build_ref().to_owned(), value })
        }
        Err(error) => {
            let telling = async { tokio::join!(gateway.return_error(error.to_status()), solve) };
            if let Ok((Err(untold), _)) = tokio::time::timeout(RETURN_TIMEOUT, telling).await {
                tracing::debug!(%untold, "the daemon could not be told that the build failed");
            }
            Err(BuildError::Caller(error))
        }
    }
}

/// Waits for the end of the status stream as long as it says something.
async fn finish_status(mut following: AbortOnDropHandle<Result<(), Error>>, mut seen: watch::Receiver<()>) {
    let mut silence = if seen.has_changed().unwrap_or(true) { STATUS_SILENCE } else { STATUS_NEVER_BEGAN };
    loop {
        tokio::select! {
            ended = &mut following => {
                if let Ok(Err(error)) = ended {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the status stream broke");
                }
                return;
            }
            Ok(()) = seen.changed() => silence = STATUS_SILENCE,
            () = tokio::time::sleep(silence) => return,
        }
    }
}

fn solve_message(
    request: BuildRequest,
    build_ref: &str,
    session_id: &str,
) -> (control::SolveRequest, Vec<ExportTarget>) {
    let mut frontend_attrs = request.frontend_attrs;
    if !request.cache_imports.is_empty() {
        frontend_attrs.insert("cache-imports".to_owned(), cache_imports_json(&request.cache_imports));
    }
    let (mut exporters, mut targets) = (Vec::new(), Vec::new());
    for export in request.exports {
        exporters.push(control::Exporter { r#type: export.kind, attrs: export.attrs.into_iter().collect() });
        targets.push(export.target);
    }
    let message = control::SolveRequest {
        r#ref: build_ref.to_owned(),
        session: session_id.to_owned(),
        // No frontend and no definition: exactly that selects the client-side gateway.
        frontend_attrs: frontend_attrs.into_iter().collect(),
        exporters,
        cache: Some(control::CacheOptions {
            exports: request.cache_exports.into_iter().map(Into::into).collect(),
            imports: request.cache_imports.into_iter().map(Into::into).collect(),
            ..Default::default()
        }),
        entitlements: request.entitlements,
        source_policy: request.source_policy,
        internal: request.internal,
        ..Default::default()
    };
    (message, targets)
}

/// The attribute in which the daemon keeps cache imports for frontends, of which there is none here; Go's field names. It
/// stays in the daemon's history, so that credentials of a store are left out.
fn cache_imports_json(imports: &[CacheEntry]) -> String {
    let entry = |entry: &CacheEntry| {
        let shown = entry.attrs.iter().filter(|(key, _)| !CacheEntry::is_secret(key));
        let shown: BTreeMap<_, _> = shown.collect();
        let kind = serde_json::Value::from(entry.kind.as_str());
        let attrs = serde_json::json!(shown);
        // The members in the order of BuildKit's own clients, which leave out what is empty.
        if shown.is_empty() {
            format!(r#"{{"Type":{kind}}}"#)
        } else {
            format!(r#"{{"Type":{kind},"Attrs":{attrs}}}"#)
        }
    };
    format!("[{}]", imports.iter().map(entry).collect::<Vec<_>>().join(","))
}

/// Hands status messages out until the stream ends.
async fn follow_status(
    client: Client,
    build_ref: String,
    events: mpsc::Sender<StatusResponse>,
    activity: watch::Sender<()>,
) -> Result<(), Error> {
    let failed = |status| Error::from_status("Status", status);
    let reply = client.control().status(StatusRequest { r#ref: build_ref }).await.map_err(failed)?;
    let mut stream = reply.into_inner();
    while let Some(message) = stream.message().await.map_err(failed)? {
        activity.send_replace(());
        // A receiver that is gone wants no more events; the stream is still read to its end.
        let _ = events.send(message).await;
    }
    Ok(())
}

/// A random id as Go makes them: 25 digits of base 36. Source: `identity/randomid.go` in BuildKit.
pub(crate) fn random_id() -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    (0..25).map(|_| char::from(DIGITS[rand::random_range(0..DIGITS.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_history_keeps_of_caches_has_no_credential_of_a_store() {
        let attrs = [("bucket", "b"), ("secret_access_key", "SECRET"), ("session_token", "SECRET")];
        let attrs = attrs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let cache_imports = vec![CacheEntry { kind: "s3".to_owned(), attrs }];
        let request = BuildRequest { cache_imports, ..BuildRequest::default() };
        let (message, _) = solve_message(request, "ref", "session");
        assert_eq!(message.frontend_attrs["cache-imports"], r#"[{"Type":"s3","Attrs":{"bucket":"b"}}]"#);
        // The daemon itself gets them.
        assert_eq!(message.cache.unwrap().imports[0].attrs["session_token"], "SECRET");
    }
}
