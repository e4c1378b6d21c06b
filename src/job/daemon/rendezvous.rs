//! Which of several daemons builds: the same one for the same build, whoever asks and in whichever order the daemons are
//! listed (rendezvous hashing: <https://en.wikipedia.org/wiki/Rendezvous_hashing>).

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::buildkit::Address;

/// What a build is about: builds of the same find their cache again at the same daemon.
#[derive(Debug, Clone, Copy)]
pub struct BuildSubject<'a> {
    /// The context: a folder, or the address of a repository or an archive.
    pub context: &'a str,
    /// The Dockerfile as it was named; `None` for the usual one.
    pub dockerfile: Option<&'a Path>,
}

impl BuildSubject<'_> {
    /// Returns the digest that stands for the subject. A folder counts by its real path, a repository without the branch
    /// or commit.
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        match Path::new(self.context).canonicalize() {
            Ok(folder) => add(folder.as_os_str().as_encoded_bytes()),
            Err(_) => add(self.context.split('#').next().unwrap_or_default().as_bytes()),
        }
        add(self.dockerfile.map(|path| path.as_os_str().as_encoded_bytes()).unwrap_or_default());
        hash.finalize().into()
    }
}

/// Puts the address first at which `subject` is built, then those that take over where others do not answer.
pub fn order(addresses: &mut [Address], subject: BuildSubject<'_>) {
    if addresses.len() < 2 {
        return;
    }
    let subject = subject.digest();
    let weight = |address: &Address| -> [u8; 32] {
        let hash = Sha256::new().chain_update(subject).chain_update(address.to_string());
        hash.finalize().into()
    };
    addresses.sort_by_cached_key(|address| std::cmp::Reverse(weight(address)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(numbers: impl IntoIterator<Item = usize>) -> Vec<Address> {
        let address = |number| Address::parse(&format!("tcp://buildkitd-{number}:1234")).unwrap();
        numbers.into_iter().map(address).collect()
    }

    fn ordered(mut addresses: Vec<Address>, context: &str) -> Vec<Address> {
        order(&mut addresses, BuildSubject { context, dockerfile: None });
        addresses
    }

    #[test]
    fn the_order_depends_on_what_is_built_and_not_on_how_daemons_are_listed() {
        let contexts = (0..60).map(|n| format!("https://git.example/{n}.git"));
        let firsts: Vec<Address> = contexts
            .map(|context| {
                let order = ordered(addresses(0..3), &context);
                assert_eq!(ordered(addresses((0..3).rev()), &context), order);
                assert_eq!(ordered(addresses(0..3), &format!("{context}#branch:folder")), order);
                order[0].clone()
            })
            .collect();
        for address in addresses(0..3) {
            let count = firsts.iter().filter(|first| **first == address).count();
            assert!((10..=30).contains(&count), "{address}: {count} of 60");
        }
    }

    #[test]
    fn without_one_daemon_only_its_builds_move() {
        for number in 0..60 {
            let context = format!("https://git.example/{number}.git");
            let mut all = ordered(addresses(0..4), &context);
            let without = ordered(addresses(0..3), &context);
            all.retain(|address| *address != addresses([3])[0]);
            assert_eq!(all, without);
        }
    }

    #[test]
    fn a_folder_counts_by_its_real_path() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().to_str().unwrap();
        let digest = |context: &str| BuildSubject { context, dockerfile: None }.digest();
        assert_eq!(digest(plain), digest(&format!("{plain}/.")));
        let named = BuildSubject { context: plain, dockerfile: Some(Path::new("other")) };
        assert_ne!(digest(plain), named.digest());
    }
}
