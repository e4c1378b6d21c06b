//! Build secrets for the daemon; see `session/secrets` in BuildKit.

use std::collections::BTreeMap;

use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use tonic::{Request, Response, Status};

use super::Service;
use crate::secret::SecretBytes;

/// The largest secret, in bytes; source: `session/secrets/secretsprovider` in BuildKit.
pub const MAX_SECRET_BYTES: usize = 500 << 10;

pub(super) const SERVICE: Service = Service {
    methods: &["/moby.buildkit.secrets.v1.Secrets/GetSecret"],
    add: |routes, parts| {
        let secrets = std::mem::take(&mut parts.options.secrets);
        routes.add_service(SecretsServer::new(SecretStore(secrets)))
    },
};

/// Serves secrets by id.
#[derive(Debug)]
pub(crate) struct SecretStore(pub(crate) BTreeMap<String, SecretBytes>);

#[tonic::async_trait]
impl Secrets for SecretStore {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        let Some(secret) = self.0.get(&id) else {
            return Err(Status::not_found(format!("secret {id}: not found")));
        };
        let data = secret.expose();
        if data.len() > MAX_SECRET_BYTES {
            let size = data.len();
            let text = format!("secret {id} is {size} bytes long, {MAX_SECRET_BYTES} are allowed");
            return Err(Status::invalid_argument(text));
        }
        Ok(Response::new(GetSecretResponse { data: data.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    async fn get(id: &str) -> Result<Vec<u8>, Code> {
        let big = SecretBytes::from(vec![0; MAX_SECRET_BYTES + 1]);
        let store = SecretStore(BTreeMap::from([
            ("a".to_owned(), SecretBytes::from("value".to_owned())),
            ("big".to_owned(), big),
        ]));
        let request = GetSecretRequest { id: id.to_owned(), ..Default::default() };
        store.get_secret(Request::new(request)).await.map(|r| r.into_inner().data).map_err(|s| s.code())
    }

    #[tokio::test]
    async fn a_secret_is_served_by_its_id() {
        assert_eq!(get("a").await, Ok(b"value".to_vec()));
    }

    #[tokio::test]
    async fn an_unknown_secret_is_not_found_so_that_optional_ones_are_skipped() {
        assert_eq!(get("b").await, Err(Code::NotFound));
    }

    #[tokio::test]
    async fn a_secret_beyond_the_limit_is_refused() {
        assert_eq!(get("big").await, Err(Code::InvalidArgument));
    }
}
