//! A program for another processor than the one that runs it.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let foreign = |line: &str| line.contains("ELF") && line.contains("not found");
    let words = evidence.saying(&["exec format error", "cannot execute binary file", "enoexec"]);
    let words = words.or_else(|| evidence.lines().iter().copied().find(|line| foreign(line)))?;
    let program = words.split("exec ").nth(1).and_then(|rest| rest.split(": ").next());
    let program = program.map(|program| program.trim_matches(['"', '\'']));
    if let Some(script) = program.filter(|program| is_script(program)) {
        let what = format!("{script} cannot be started: most likely it is a script without a first line #!");
        let advice = format!(
            "begin {script} with #!/bin/sh (or its interpreter), the first two characters of the file, without a byte order mark; or name the interpreter: RUN [\"/bin/sh\", \"{script}\"]"
        );
        return Some(Reason::new(what).words(words).advice(advice).about(Some(script)));
    }
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
            "wrong architecture: the program is not for the processor of buildkitd's machine, or is a script without a first line #!".to_owned(),
            "copy or download the program for the platform that is built, or take a base image for it (--platform); for another platform than the machine's register an emulator (binfmt, the package qemu-user-static); a script needs #! as its first two characters".to_owned(),
        ),
    };
    Some(Reason::new(what).words(words).advice(advice).about(program))
}

/// Whether a name is that of a script.
fn is_script(name: &str) -> bool {
    const ENDINGS: [&str; 7] = [".sh", ".bash", ".py", ".pl", ".rb", ".js", ".php"];
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}
