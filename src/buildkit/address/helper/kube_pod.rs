//! `kube-pod://POD[?context=CONTEXT][&namespace=NAMESPACE][&container=CONTAINER]`: a pod of Kubernetes (BuildKit:
//! `client/connhelper/kubepod`).

use super::{Scheme, dialing};

pub(super) const SCHEME: Scheme = Scheme {
    name: "kube-pod",
    program: "kubectl",
    arguments: |parts| {
        parts.only_name_and(&["context", "namespace", "container"])?;
        let names = [("pod", Some(parts.host.as_str()))];
        let others = ["namespace", "container"].map(|key| (key, parts.value(key)));
        for (what, name) in names.into_iter().chain(others) {
            if let Some(name) = name.filter(|name| !is_name(name)) {
                return Err(format!(
                    "has the {what} {name:?}; letters are small ones, beside digits, - and ."
                ));
            }
        }
        let flag = |key: &str| parts.value(key).map(|value| format!("--{key}={value}"));
        let [context, namespace, container] = ["context", "namespace", "container"].map(flag);
        let before = [context.as_deref(), namespace.as_deref(), Some("exec"), container.as_deref()];
        Ok(dialing(before.into_iter().flatten().chain(["-i", &parts.host, "--"])))
    },
};

/// Whether `text` may name an object (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).
fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
}
