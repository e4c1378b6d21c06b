//! The messages of file transfer and of the tunnel, declared with [`Bytes`] so that file content is not
//! copied, and with byte strings for names, which on Linux need not be UTF-8.
//!
//! Source: `fsutil/types/{stat,wire}.proto` and BuildKit's `BytesMessage`.

use std::collections::BTreeMap;

use bytes::Bytes;

/// `BytesMessage`: a piece of a byte stream.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Chunk {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) data: Bytes,
}

/// `fsutil.types.Stat`: one file, folder, link or device.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Stat {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) path: Vec<u8>,
    /// Go's `FileMode`, see [`super::filesync::mode`].
    #[prost(uint32, tag = "2")]
    pub(crate) mode: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) uid: u32,
    #[prost(uint32, tag = "4")]
    pub(crate) gid: u32,
    #[prost(int64, tag = "5")]
    pub(crate) size: i64,
    /// Nanoseconds since 1970.
    #[prost(int64, tag = "6")]
    pub(crate) mod_time: i64,
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) linkname: Vec<u8>,
    #[prost(int64, tag = "8")]
    pub(crate) devmajor: i64,
    #[prost(int64, tag = "9")]
    pub(crate) devminor: i64,
    #[prost(btree_map = "string, bytes", tag = "10")]
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
}

/// What a [`Packet`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum PacketType {
    /// An entry; without a stat: the end of the listing.
    Stat = 0,
    /// The receiver wants the content of file `id`.
    Req = 1,
    /// A piece of file `id`; empty: its end.
    Data = 2,
    /// The receiver has everything; answered alike.
    Fin = 3,
    /// The text in `data` ends the transfer.
    Err = 4,
}

/// `fsutil.types.Packet`: one step of a transfer.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Packet {
    #[prost(enumeration = "PacketType", tag = "1")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) stat: Option<Stat>,
    #[prost(uint32, tag = "3")]
    pub(crate) id: u32,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) data: Bytes,
}

impl Packet {
    pub(crate) fn stat(stat: Option<Stat>) -> Self {
        Self { kind: PacketType::Stat.into(), stat, ..Self::default() }
    }

    pub(crate) fn data(id: u32, data: Bytes) -> Self {
        Self { kind: PacketType::Data.into(), id, data, ..Self::default() }
    }

    pub(crate) fn request(id: u32) -> Self {
        Self { kind: PacketType::Req.into(), id, ..Self::default() }
    }

    pub(crate) fn fin() -> Self {
        Self { kind: PacketType::Fin.into(), ..Self::default() }
    }

    pub(crate) fn error(text: &str) -> Self {
        Self {
            kind: PacketType::Err.into(),
            data: Bytes::copy_from_slice(text.as_bytes()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::fsutil::types;
    use prost::Message as _;

    use super::*;

    #[test]
    fn packets_encode_as_the_published_messages_do() {
        let ours = Packet {
            kind: PacketType::Req.into(),
            id: 7,
            data: Bytes::from_static(b"x"),
            stat: Some(Stat {
                path: b"a/b".to_vec(),
                mode: 0o644,
                uid: 1,
                gid: 2,
                size: 3,
                mod_time: -4,
                linkname: b"l".to_vec(),
                devmajor: 5,
                devminor: 6,
                xattrs: BTreeMap::from([("user.k".to_owned(), b"v".to_vec())]),
            }),
        };
        let theirs = types::Packet::decode(ours.encode_to_vec().as_slice()).unwrap();
        assert_eq!(theirs.r#type(), types::packet::PacketType::PacketReq);
        let stat = theirs.stat.clone().unwrap();
        assert_eq!((stat.path.as_str(), stat.linkname.as_str()), ("a/b", "l"));
        assert_eq!((stat.mode, stat.uid, stat.gid, stat.size), (0o644, 1, 2, 3));
        assert_eq!((stat.mod_time, stat.devmajor, stat.devminor), (-4, 5, 6));
        assert_eq!(stat.xattrs["user.k"], b"v");
        assert_eq!(Packet::decode(theirs.encode_to_vec().as_slice()).unwrap(), ours);
    }
}
