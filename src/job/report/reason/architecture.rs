//! A program for another processor than the one that runs it.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let foreign = |line: &&str| line.contains("ELF") && line.contains("not found");
    let words = evidence.saying(&["exec format error", "cannot execute binary file", "enoexec"]);
    let words = words.or_else(|| evidence.lines().find(foreign))?;
    let program = words.split("exec ").nth(1).and_then(|rest| rest.split(": ").next());
    let program = program.map(|program| program.trim_matches(['"', '\'']));
    let (what, advice) = match &evidence.platform {
        Some(platform) => {
            let architecture = platform.split('/').nth(1).unwrap_or(platform);
            (
                format!("wrong architecture: the step is for {platform}, which buildkitd's machine cannot run"),
                format!(
                    "register an emulator on buildkitd's machine (binfmt: docker run --privileged --rm tonistiigi/binfmt --install {architecture}, or the package qemu-user-static), or build on a machine for {platform}; if the program was copied into the image, copy the one for {platform}"
                ),
            )
        }
        None => (
            "wrong architecture: the program is not for the processor of buildkitd's machine".to_owned(),
            "copy or download the program for the platform that is built, or take a base image for it (--platform); for another platform than the machine's register an emulator (binfmt, the package qemu-user-static); a script needs #! as its first two characters".to_owned(),
        ),
    };
    Some(Reason::new(what).words(words).advice(advice).about(program))
}
