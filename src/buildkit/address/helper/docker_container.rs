//! `docker-container://CONTAINER[?context=CONTEXT]`: a container of docker (BuildKit: `client/connhelper/dockercontainer`).

use super::{Scheme, dialing};

pub(super) const SCHEME: Scheme = Scheme {
    name: "docker-container",
    program: "docker",
    arguments: |parts| {
        parts.only_name_and(&["context"])?;
        let context = parts.value("context").map(|context| format!("--context={context}"));
        Ok(dialing(context.as_deref().into_iter().chain(["exec", "-i", &parts.host])))
    },
};
