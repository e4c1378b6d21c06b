//! What begins like an archive.

/// How many bytes tell whether a stream is an archive.
pub const HEADER_BYTES: usize = 1024;

/// What compressed archives begin with: bzip2, gzip, xz.
const COMPRESSED: [&[u8]; 3] = [b"BZh", b"\x1f\x8b\x08", b"\xfd7zXZ\0"];

/// What zstd begins with. BuildKit takes no such context.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// A block of a tar archive, in bytes.
const TAR_BLOCK: usize = 512;
/// Where the checksum of a tar header is.
const TAR_CHECKSUM: std::ops::Range<usize> = 148..156;

/// Returns whether a stream that begins with `header` is an archive that a context may be: a tar, plain or compressed
/// with bzip2, gzip or xz.
///
/// Source: `isArchive` in frontend/dockerui/context.go. That wants the whole first entry within [`HEADER_BYTES`], so that
/// it does not know tars whose first entry has a long name or extended attributes; this does.
pub fn is_archive(header: &[u8]) -> bool {
    COMPRESSED.iter().any(|magic| header.starts_with(magic)) || is_tar(header)
}

/// Returns whether a stream that begins with `header` is compressed with zstd.
pub(crate) fn is_zstd(header: &[u8]) -> bool {
    header.starts_with(ZSTD)
}

/// Whether the first block is a tar header: its checksum tells.
fn is_tar(header: &[u8]) -> bool {
    let Some(block) = header.get(..TAR_BLOCK) else { return false };
    if block.iter().all(|byte| *byte == 0) {
        return false;
    }
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (index, byte) in block.iter().enumerate() {
        let byte = if TAR_CHECKSUM.contains(&index) { b' ' } else { *byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    let digits = block[TAR_CHECKSUM].iter().filter(|byte| !matches!(byte, b' ' | b'\0'));
    let stated = digits.copied().try_fold(0_i64, |number, digit| match digit {
        b'0'..=b'7' => Some(number * 8 + i64::from(digit - b'0')),
        _ => None,
    });
    stated.is_some_and(|stated| stated == unsigned || stated == signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of an empty file called `x`.
    fn tar() -> Vec<u8> {
        let mut block = vec![0; TAR_BLOCK];
        block[0] = b'x';
        block[TAR_CHECKSUM].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[TAR_CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }

    #[test]
    fn archives_are_known_by_what_they_begin_with() {
        assert!(is_archive(b"BZh91AY") && is_archive(b"\x1f\x8b\x08\0") && is_archive(b"\xfd7zXZ\0\0"));
        assert!(is_archive(&tar()));
        let mut damaged = tar();
        damaged[1] = b'y';
        for other in [&b""[..], b"FROM scratch\n", b"\x28\xb5\x2f\xfd", &[0; 1024], &damaged, &tar()[..511]] {
            assert!(!is_archive(other));
        }
        assert!(is_zstd(b"\x28\xb5\x2f\xfd\0"));
    }

    #[test]
    fn fuzz_archive_headers() {
        let seeds = [tar(), b"BZh".to_vec(), vec![0xff; 512]];
        let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
        crate::fuzz::run(&seeds, |bytes| {
            let known = is_archive(bytes);
            assert!(!known || bytes.len() >= 3);
        });
    }
}
