//! The gateway: what a build may ask of the daemon while it puts its graph together.
//!
//! Every call carries the build's ref in the metadata `buildkit-controlapi-buildid`; see
//! `control/gateway` in BuildKit.

use std::sync::Arc;

use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

use super::MAX_MESSAGE_BYTES;
use super::client::{Client, FirstWorker, ready_grpc};
use super::error::Error;
use super::proto::frontend::llb_bridge_client::LlbBridgeClient;
use super::proto::frontend::{self, result};
use super::proto::{fsutil, pb, rpc};
use super::request::CacheEntry;
use super::result::{BuildResult, ReturnRequest};
use super::session::Refusals;

const BUILD_ID: &str = "buildkit-controlapi-buildid";

/// The gateway of one build. Cloning gives another handle to the same build; calls may run concurrently.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    channel: Channel,
    client: LlbBridgeClient<Channel>,
    build_ref: String,
    build_id: MetadataValue<Ascii>,
    session_id: String,
    cache_imports: Vec<CacheEntry>,
    refusals: Refusals,
    first_worker: FirstWorker,
}

/// A result that the daemon holds, lazily: the work starts when it is read or returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultReference {
    pub(crate) id: String,
}

/// `moby.buildkit.v1.frontend.SolveRequest`, declared here because its definition comes encoded.
#[derive(Clone, PartialEq, prost::Message)]
struct SolveRequest {
    #[prost(bytes = "vec", optional, tag = "1")]
    definition: Option<Vec<u8>>,
    #[prost(bool, tag = "5")]
    allow_result_return: bool,
    #[prost(bool, tag = "6")]
    allow_result_array_ref: bool,
    #[prost(message, repeated, tag = "12")]
    cache_imports: Vec<frontend::CacheOptionsEntry>,
    #[prost(bool, tag = "14")]
    evaluate: bool,
}

/// What [`Gateway::solve`] does beyond naming the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SolveOptions {
    /// Waits until everything is built.
    pub evaluate: bool,
    /// Looks results up in the cache imports of the build.
    pub cache_imports: bool,
}

/// An image to be looked up by the daemon.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageQuery {
    /// The normalised reference, such as `docker.io/library/alpine:3.20`.
    pub reference: String,
    /// The platform to choose in an index.
    pub platform: Option<pb::Platform>,
    /// `default`, `pull` or `local`; empty is `default`.
    pub resolve_mode: String,
    /// The name of the step that progress shows; empty: none.
    pub log_name: String,
    /// Leaves the image's config out.
    pub no_config: bool,
}

/// An image as the daemon found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedImage {
    /// The digest of the manifest or index that the reference names.
    pub digest: String,
    /// The image config, JSON; empty if it was not asked for.
    pub config: Vec<u8>,
    /// The source that the daemon would use; differs from the one asked for under a source policy.
    pub source: String,
}

/// A part of a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

/// A warning for the daemon's history and for everyone who follows the build.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Warning {
    /// The digest of the vertex that it belongs to.
    pub vertex: String,
    /// The level; BuildKit's build checks use 1.
    pub level: i64,
    /// One line of text.
    pub short: String,
    /// More lines.
    pub detail: Vec<String>,
    /// A page that explains it.
    pub url: String,
    /// The file it is about.
    pub source: Option<pb::SourceInfo>,
    /// The lines in the file.
    pub ranges: Vec<pb::Range>,
}

impl Gateway {
    pub(crate) fn new(
        client: &Client,
        build_ref: String,
        session_id: String,
        cache_imports: Vec<CacheEntry>,
        refusals: Refusals,
    ) -> Self {
        let (channel, first_worker) = (client.channel(), client.first_worker());
        let client = LlbBridgeClient::new(channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let build_id = build_ref.parse().expect("a ref is letters and digits");
        Self {
            inner: Arc::new(Inner {
                channel,
                client,
                build_ref,
                build_id,
                session_id,
                cache_imports,
                refusals,
                first_worker,
            }),
        }
    }

    /// Returns the id of the session, the value of `local.session` in local sources.
    pub fn session_id(&self) -> &str {
        &self.inner.session_id
    }

    /// Returns the ref under which the daemon keeps this build.
    pub fn build_ref(&self) -> &str {
        &self.inner.build_ref
    }

    /// Returns the daemon's capabilities and workers.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn ping(&self) -> Result<frontend::PongResponse, Error> {
        let request = self.request(frontend::PingRequest {});
        let reply = self.inner.client.clone().ping(request).await;
        reply.map(tonic::Response::into_inner).map_err(|s| self.failed("Ping", s))
    }

    /// Returns the platform that the daemon builds for where none is asked for. The daemon is asked once for each connection.
    ///
    /// # Errors
    ///
    /// As [`Gateway::ping`].
    pub async fn default_platform(&self) -> Result<Option<pb::Platform>, Error> {
        let workers = async { Ok(self.ping().await?.workers) };
        self.inner.first_worker.default_platform(workers).await
    }

    /// Returns digest and config of an image.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where the registry does not have it or refuses, [`Error::Disconnected`],
    /// [`Error::Incomplete`] where the daemon knows no images.
    pub async fn resolve_image(&self, query: ImageQuery) -> Result<ResolvedImage, Error> {
        let identifier = format!("docker-image://{}", query.reference);
        let request = frontend::ResolveSourceMetaRequest {
            source: Some(pb::SourceOp { identifier, ..Default::default() }),
            platform: query.platform,
            log_name: query.log_name,
            resolve_mode: query.resolve_mode,
            image: Some(frontend::ResolveSourceImageRequest {
                no_config: query.no_config,
                ..Default::default()
            }),
            ..Default::default()
        };
        let reply = self.resolve_source_meta(request).await?;
        let source = reply.source.map(|s| s.identifier).unwrap_or_default();
        let is_image = source.is_empty() || source.starts_with("docker-image://");
        let image = match reply.image {
            None if is_image => {
                return Err(Error::Incomplete { during: "ResolveSourceMeta", missing: "the image" });
            }
            image => image.unwrap_or_default(),
        };
        Ok(ResolvedImage { digest: image.digest, config: image.config, source })
    }

    /// Returns what the daemon knows about a source of any kind.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn resolve_source_meta(
        &self,
        request: frontend::ResolveSourceMetaRequest,
    ) -> Result<frontend::ResolveSourceMetaResponse, Error> {
        let reply = self.inner.client.clone().resolve_source_meta(self.request(request)).await;
        reply.map(tonic::Response::into_inner).map_err(|s| self.failed("ResolveSourceMeta", s))
    }

    /// Returns the result of a graph; `None` if the graph is empty. The graph is an encoded `pb.Definition`, which may hold
    /// what the messages of `bollard-buildkit-proto` have no place for.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with vertex, source and exit code where a step failed, [`Error::Disconnected`].
    pub async fn solve(
        &self,
        definition: Vec<u8>,
        options: SolveOptions,
    ) -> Result<Option<ResultReference>, Error> {
        let cache_imports = if options.cache_imports { self.inner.cache_imports.as_slice() } else { &[] };
        let request = SolveRequest {
            definition: Some(definition),
            allow_result_return: true,
            allow_result_array_ref: true,
            cache_imports: cache_imports.iter().cloned().map(Into::into).collect(),
            evaluate: options.evaluate,
        };
        let path = PathAndQuery::from_static("/moby.buildkit.v1.frontend.LLBBridge/Solve");
        let reply: frontend::SolveResponse = self.call("Solve", path, request).await?;
        match reply.result.and_then(|r| r.result) {
            Some(result::Result::Ref(reference)) if !reference.id.is_empty() => {
                Ok(Some(ResultReference { id: reference.id }))
            }
            Some(result::Result::RefDeprecated(id)) if !id.is_empty() => Ok(Some(ResultReference { id })),
            _ => Ok(None),
        }
    }

    /// Builds everything that the reference needs.
    ///
    /// # Errors
    ///
    /// As [`Gateway::solve`].
    pub async fn evaluate(&self, reference: &ResultReference) -> Result<(), Error> {
        let request = self.request(frontend::EvaluateRequest { r#ref: reference.id.clone() });
        let reply = self.inner.client.clone().evaluate(request).await;
        reply.map(|_| ()).map_err(|s| self.failed("Evaluate", s))
    }

    /// Returns the content of a file, or `None` if there is no such file. At most 16 MiB at a time.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where a step before it failed or the part is too large, [`Error::Disconnected`].
    pub async fn read_file(
        &self,
        reference: &ResultReference,
        path: &str,
        range: Option<FileRange>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let request = frontend::ReadFileRequest {
            r#ref: reference.id.clone(),
            file_path: path.to_owned(),
            range: range.map(|r| frontend::FileRange {
                offset: r.offset.cast_signed(),
                length: r.length.cast_signed(),
            }),
            mount_index: 0,
        };
        let reply = self.inner.client.clone().read_file(self.request(request)).await;
        self.missing_is_none("ReadFile", reply.map(|r| r.into_inner().data))
    }

    /// Returns the entries of a folder, or `None` if there is no such folder.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn read_dir(
        &self,
        reference: &ResultReference,
        path: &str,
        include_pattern: &str,
    ) -> Result<Option<Vec<fsutil::Stat>>, Error> {
        let request = frontend::ReadDirRequest {
            r#ref: reference.id.clone(),
            dir_path: path.to_owned(),
            include_pattern: include_pattern.to_owned(),
            mount_index: 0,
        };
        let reply = self.inner.client.clone().read_dir(self.request(request)).await;
        self.missing_is_none("ReadDir", reply.map(|r| r.into_inner().entries))
    }

    /// Returns the stat of a file, or `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn stat_file(
        &self,
        reference: &ResultReference,
        path: &str,
    ) -> Result<Option<fsutil::Stat>, Error> {
        let request =
            frontend::StatFileRequest { r#ref: reference.id.clone(), path: path.to_owned(), mount_index: 0 };
        let reply = self.inner.client.clone().stat_file(self.request(request)).await;
        Ok(self.missing_is_none("StatFile", reply.map(|r| r.into_inner().stat))?.flatten())
    }

    /// Tells the daemon about a warning.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn warn(&self, warning: Warning) -> Result<(), Error> {
        let request = frontend::WarnRequest {
            digest: warning.vertex,
            level: warning.level,
            short: warning.short.into_bytes(),
            detail: warning.detail.into_iter().map(String::into_bytes).collect(),
            url: warning.url,
            info: warning.source,
            ranges: warning.ranges,
        };
        let reply = self.inner.client.clone().warn(self.request(request)).await;
        reply.map(|_| ()).map_err(|s| self.failed("Warn", s))
    }

    pub(crate) async fn return_result(&self, result: BuildResult) -> Result<(), Error> {
        self.send_return(result.into()).await
    }

    pub(crate) async fn return_error(&self, status: rpc::Status) -> Result<(), Error> {
        self.send_return(ReturnRequest::failed(status)).await
    }

    async fn send_return(&self, request: ReturnRequest) -> Result<(), Error> {
        let path = PathAndQuery::from_static("/moby.buildkit.v1.frontend.LLBBridge/Return");
        let frontend::ReturnResponse {} = self.call("Return", path, request).await?;
        Ok(())
    }

    /// Calls a method with a message that is declared in this program.
    async fn call<M, R>(&self, during: &'static str, path: PathAndQuery, message: M) -> Result<R, Error>
    where
        M: prost::Message + 'static,
        R: prost::Message + Default + 'static,
    {
        let failed = |status| self.failed(during, status);
        let mut grpc = ready_grpc(self.inner.channel.clone()).await.map_err(failed)?;
        let codec = ProstCodec::<M, R>::default();
        let reply = grpc.unary(self.request(message), path, codec).await;
        reply.map(tonic::Response::into_inner).map_err(failed)
    }

    /// Returns the error of a failed call; its cause is what the session refused, where that was it.
    pub(crate) fn failed(&self, during: &'static str, status: tonic::Status) -> Error {
        self.inner.refusals.explain(Error::from_status(during, status))
    }

    fn missing_is_none<T>(
        &self,
        during: &'static str,
        reply: Result<T, tonic::Status>,
    ) -> Result<Option<T>, Error> {
        match reply {
            Ok(value) => Ok(Some(value)),
            Err(status) if is_missing_file(&status) => Ok(None),
            Err(status) => Err(self.failed(during, status)),
        }
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert(BUILD_ID, self.inner.build_id.clone());
        request
    }
}

/// Whether a file does not exist: the daemon has no code for that, the text alone tells.
fn is_missing_file(status: &tonic::Status) -> bool {
    status.message().ends_with("no such file or directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_known_by_its_text_alone() {
        let status = tonic::Status::unknown("open .dockerignore: no such file or directory");
        assert!(is_missing_file(&status) && !is_missing_file(&tonic::Status::unknown("other")));
    }
}
