//! A key for SSH that the build was not given.

use super::{Evidence, Reason};

/// Source: `MountSSH` in solver/llbsolver/mounts and `mountSSHAuthSock` in source/git in BuildKit.
pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    if let Some((_, after)) = evidence.cause.split_once("no SSH key \"") {
        let (id, _) = after.split_once("\" forwarded")?;
        return Some(
            Reason::new(format!("the step needs the SSH agent {id}, which this build was not given"))
                .advice(format!("give it with --ssh {id} (the agent of SSH_AUTH_SOCK, which needs a key: ssh-add -l) or --ssh {id}=KEYFILE"))
                .about(Some(id)),
        );
    }
    None
}
