//! `nerdctl-container://CONTAINER[?namespace=NAMESPACE]`: a container of containerd (BuildKit:
//! `client/connhelper/nerdctlcontainer`).

use super::{Scheme, dialing};

pub(super) const SCHEME: Scheme = Scheme {
    name: "nerdctl-container",
    program: "nerdctl",
    arguments: |parts| {
        parts.only_name_and(&["namespace"])?;
        let namespace = parts.value("namespace").map(|namespace| format!("--namespace={namespace}"));
        let words = std::iter::once("exec").chain(namespace.as_deref());
        Ok(dialing(words.chain(["-i", &parts.host])))
    },
};
