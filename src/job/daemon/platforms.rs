//! Which of several daemons builds for which platform.

use crate::image::Platform;

/// The platforms of a daemon.
#[derive(Debug, Clone, Default)]
pub(crate) struct DaemonPlatforms {
    /// The one of its machine: the first that it lists.
    pub(crate) native: Option<Platform>,
    /// All that it lists, those too that it emulates.
    pub(crate) listed: Vec<Platform>,
}

impl DaemonPlatforms {
    /// Returns how badly the daemon suits a platform: 0 where the platform is native, 1 where it is listed, more where
    /// it is not.
    fn misfit(&self, platform: &Platform) -> u8 {
        let platform = platform.normalized();
        let is_native = self.native.as_ref().is_some_and(|native| {
            let native = native.normalized();
            (&native.os, &native.architecture) == (&platform.os, &platform.architecture)
        });
        let is_listed = self.listed.iter().any(|listed| {
            let listed = listed.normalized();
            (&listed.os, &listed.architecture, &listed.variant)
                == (&platform.os, &platform.architecture, &platform.variant)
        });
        match (is_native, is_listed) {
            (true, true) => 0,
            (false, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
        }
    }
}

/// Returns for each platform which of the daemons suits it best; of several the first.
pub(crate) fn assign(platforms: &[Platform], daemons: &[DaemonPlatforms]) -> Vec<usize> {
    let best = |platform| best(daemons, |daemon| daemon.misfit(platform));
    platforms.iter().map(best).collect()
}

/// Returns which of the daemons suits all of the platforms best; of several the first.
pub(crate) fn best_for_all(platforms: &[Platform], daemons: &[DaemonPlatforms]) -> usize {
    best(daemons, |daemon| {
        let mut misfits: Vec<u8> = platforms.iter().map(|platform| daemon.misfit(platform)).collect();
        misfits.sort_unstable_by(|a, b| b.cmp(a));
        misfits
    })
}

fn best<K: Ord>(daemons: &[DaemonPlatforms], misfit: impl Fn(&DaemonPlatforms) -> K) -> usize {
    let numbered = daemons.iter().enumerate();
    numbered.min_by_key(|(_, daemon)| misfit(daemon)).map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platforms(texts: &[&str]) -> Vec<Platform> {
        texts.iter().map(|text| Platform::parse(text).unwrap()).collect()
    }

    fn daemon(texts: &[&str]) -> DaemonPlatforms {
        let listed = platforms(texts);
        DaemonPlatforms { native: listed.first().cloned(), listed }
    }

    #[test]
    fn a_platform_goes_where_it_is_native_then_where_it_is_listed() {
        let daemons = [
            daemon(&["linux/amd64", "linux/amd64/v2", "linux/arm64"]),
            daemon(&["linux/arm64", "linux/arm/v7"]),
            daemon(&["linux/amd64", "linux/amd64/v3"]),
        ];
        let assigned = |texts: &[&str]| assign(&platforms(texts), &daemons);
        assert_eq!(assigned(&["linux/amd64", "linux/arm64"]), [0, 1]);
        assert_eq!(assigned(&["linux/amd64/v3", "linux/arm/v7", "linux/amd64/v4"]), [2, 1, 0]);
        assert_eq!(assigned(&["linux/riscv64"]), [0]);
    }

    #[test]
    fn one_daemon_for_all_is_the_one_that_lists_them() {
        let daemons = [daemon(&["linux/arm64"]), daemon(&["linux/amd64", "linux/arm64"])];
        assert_eq!(best_for_all(&platforms(&["linux/amd64", "linux/arm64"]), &daemons), 1);
        assert_eq!(best_for_all(&platforms(&["linux/arm64", "linux/arm64"]), &daemons), 0);
    }
}
