//! An agent in this process that has keys of files: it lists them and signs with them, and does nothing else.
//! (draft-ietf-sshm-ssh-agent)

use std::sync::Arc;

use bytes::Buf as _;

use super::key::SshKey;
use super::wire::{put_string, take_string};
use super::{FAILURE, REQUEST_IDENTITIES, SIGN_REQUEST};

/// The number of the answer with all public keys.
const IDENTITIES_ANSWER: u8 = 12;
/// The number of the answer with a signature.
const SIGN_RESPONSE: u8 = 14;

/// Returns the answer to `frame`, a whole request with its length, of an agent that has `keys`.
pub(super) fn answer(keys: &[Arc<SshKey>], frame: &[u8]) -> Vec<u8> {
    let reply = match frame.get(4..) {
        Some([REQUEST_IDENTITIES]) => Some(identities(keys)),
        Some([SIGN_REQUEST, request @ ..]) => signature(keys, request),
        _ => None,
    };
    let Some(reply) = reply else { return FAILURE.to_vec() };
    let mut message = Vec::with_capacity(4 + reply.len());
    put_string(&mut message, &reply);
    message
}

fn identities(keys: &[Arc<SshKey>]) -> Vec<u8> {
    let count = u32::try_from(keys.len()).expect("a command line has few keys");
    let mut reply = vec![IDENTITIES_ANSWER];
    reply.extend_from_slice(&count.to_be_bytes());
    for key in keys {
        put_string(&mut reply, key.public());
        // The comment. That of the file is nobody's business, and BuildKit leaves it out too.
        put_string(&mut reply, b"");
    }
    reply
}

/// Returns the answer to a request for a signature; none where it is not whole, or there is no such key.
fn signature(keys: &[Arc<SshKey>], mut request: &[u8]) -> Option<Vec<u8>> {
    let public = take_string(&mut request)?;
    let data = take_string(&mut request)?;
    let flags = request.try_get_u32().ok()?;
    let key = keys.iter().find(|key| key.public() == public)?;
    let mut reply = vec![SIGN_RESPONSE];
    put_string(&mut reply, &key.sign(data, flags)?);
    Some(reply)
}
