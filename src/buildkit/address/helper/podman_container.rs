//! `podman-container://CONTAINER`: a container of podman (BuildKit: `client/connhelper/podmancontainer`).

use super::{Scheme, dialing};

pub(super) const SCHEME: Scheme = Scheme {
    name: "podman-container",
    program: "podman",
    arguments: |parts| {
        parts.only_name_and(&[])?;
        Ok(dialing(["exec", "-i", &parts.host]))
    },
};
