//! What the daemon keeps of a build after its end: the provenance in its history.

use tonic::codegen::http::uri::PathAndQuery;
use tonic_prost::ProstCodec;

use super::client::{Client, ready_grpc};
use super::error::Error;
use super::proto::control::{BuildHistoryRequest, BuildResultInfo, Descriptor};
use super::session::content::{READ, ReadRequest, ReadResponse};

/// The annotation that names the kind of an attestation.
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";
/// What the kinds of provenance begin with.
const PROVENANCE: &str = "https://slsa.dev/provenance/";
/// The largest provenance that is read, in bytes.
const MAX_PROVENANCE_BYTES: usize = 64 << 20;

/// What the daemon recorded of how a result was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The platform of the result, where the build has several.
    pub platform: Option<String>,
    /// The kind of the record, such as `https://slsa.dev/provenance/v1`.
    pub predicate_type: String,
    /// The record, which is JSON.
    pub predicate: Vec<u8>,
}

impl Client {
    /// Returns the provenance of the results of a build that has ended, out of the daemon's history.
    ///
    /// Source: `fetchProvenance` in `build/provenance.go` in buildx.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`], [`Error::Incomplete`] where the record is cut or too long.
    pub async fn provenance(&self, build_ref: &str) -> Result<Vec<Provenance>, Error> {
        let failed = |status| Error::from_status("ListenBuildHistory", status);
        let request =
            BuildHistoryRequest { r#ref: build_ref.to_owned(), early_exit: true, ..Default::default() };
        let mut events = self.control().listen_build_history(request).await.map_err(failed)?.into_inner();
        let mut found = Vec::new();
        while let Some(event) = events.message().await.map_err(failed)? {
            let Some(record) = event.record else { continue };
            let several = record.results.into_iter().map(|(platform, result)| (Some(platform), result));
            let several: Vec<_> = several.collect();
            let one = record.result.filter(|_| several.is_empty()).map(|result| (None, result));
            for (platform, result) in several.into_iter().chain(one) {
                let Some((predicate_type, descriptor)) = provenance_of(result) else { continue };
                let predicate = self.content(&descriptor).await?;
                found.push(Provenance { platform, predicate_type, predicate });
            }
        }
        Ok(found)
    }

    /// Returns the bytes of a blob in the daemon's content store.
    async fn content(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let failed = |status| Error::from_status("Read", status);
        let missing = |missing| Error::Incomplete { during: "Read", missing };
        let mut grpc = ready_grpc(self.channel()).await.map_err(failed)?;
        let request = ReadRequest { digest: descriptor.digest.clone(), ..Default::default() };
        let codec = ProstCodec::<ReadRequest, ReadResponse>::default();
        let reply =
            grpc.server_streaming(tonic::Request::new(request), PathAndQuery::from_static(READ), codec);
        let mut pieces = reply.await.map_err(failed)?.into_inner();
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.message().await.map_err(failed)? {
            bytes.extend_from_slice(&piece.data);
            if bytes.len() > MAX_PROVENANCE_BYTES {
                return Err(missing("an end of the provenance within 64 MiB"));
            }
        }
        if i64::try_from(bytes.len()).ok() != Some(descriptor.size) {
            return Err(missing("the whole provenance"));
        }
        Ok(bytes)
    }
}

/// The provenance among the attestations of a result, and its kind.
fn provenance_of(result: BuildResultInfo) -> Option<(String, Descriptor)> {
    result.attestations.into_iter().find_map(|attestation| {
        let kind = attestation.annotations.get(PREDICATE_TYPE)?.clone();
        let is_provenance =
            attestation.media_type == "application/vnd.in-toto+json" && kind.starts_with(PROVENANCE);
        is_provenance.then_some((kind, attestation))
    })
}
