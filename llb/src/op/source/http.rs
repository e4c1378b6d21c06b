//! Files behind URLs.

use super::image::file_attrs;
use super::{Attrs, set};
use crate::setters::setters;

/// A file behind an `http` or `https` URL.
///
/// Source: `HTTP` in [client/llb/source.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/source.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpSource {
    /// The URL.
    pub url: String,
    /// Digest that the file must have, if it is not empty.
    pub checksum: String,
    /// Name of the file; taken from the answer or the URL if empty.
    pub filename: String,
    /// Permissions of the file; BuildKit's choice if zero.
    pub mode: u32,
    /// Owner of the file.
    pub uid: u32,
    /// Group of the file.
    pub gid: u32,
    /// Name of the secret that is sent as `Authorization`, if it is not empty.
    pub auth_header_secret: String,
    /// Headers of the request.
    pub headers: Option<HttpHeaders>,
    /// Signature that the file must have.
    pub signature: Option<HttpSignature>,
}

setters! { HttpSource {
    with_checksum = into checksum: String;
    with_filename = into filename: String;
    with_mode = value mode: u32;
    with_uid = value uid: u32;
    with_gid = value gid: u32;
    with_auth_header_secret = into auth_header_secret: String;
    with_headers = into headers: Option<HttpHeaders>;
    with_signature = into signature: Option<HttpSignature>;
} }

/// Headers of the request for a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpHeaders {
    /// `Accept`.
    pub accept: String,
    /// `User-Agent`.
    pub user_agent: String,
}

setters! { HttpHeaders {
    with_accept = into accept: String;
    with_user_agent = into user_agent: String;
} }

/// A detached `OpenPGP` signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpSignature {
    /// Armoured public key.
    pub public_key: String,
    /// Armoured signature.
    pub signature: String,
}

impl HttpSignature {
    /// Returns a signature and the key that it is checked with.
    pub fn new(public_key: impl Into<String>, signature: impl Into<String>) -> Self {
        Self { public_key: public_key.into(), signature: signature.into() }
    }
}

impl HttpSource {
    /// Returns the file behind a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    pub(super) fn attrs(&self) -> Attrs<'_> {
        let mut attrs = file_attrs(&self.filename, self.mode, self.uid, self.gid);
        set(&mut attrs, "http.checksum", &*self.checksum);
        set(&mut attrs, "http.authheadersecret", &*self.auth_header_secret);
        if let Some(headers) = &self.headers {
            set(&mut attrs, "http.header.accept", &*headers.accept);
            set(&mut attrs, "http.header.user-agent", &*headers.user_agent);
        }
        if let Some(signature) = &self.signature {
            set(&mut attrs, "http.sig.pubkey", &*signature.public_key);
            set(&mut attrs, "http.sig.signature", &*signature.signature);
        }
        attrs
    }
}
