//! The made-up base images of the oracle: a config from a hash of the reference.
//!
//! A Dockerfile that needs a certain config asks for it in the last part of the repository's name:
//! `…/onbuild-HEX[-HEX…]` has a trigger for every HEX, `…/config-HEX` merges a JSON object, `…/missing`
//! does not exist. `tools/oracle/gateway.go` says the same.

use bob::gotext::lossy;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// Digest and config file of the image that the oracle makes up for a reference; `None` if it has none.
pub(crate) fn made_up(
    reference: &str,
    architecture: &str,
    os: &str,
    variant: &str,
) -> Option<(String, Value)> {
    let hash = Sha256::digest(reference.as_bytes());
    let mut config = Map::new();
    let mut env = vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
    if hash[0] & 1 == 1 {
        env.extend(["LANG=C.UTF-8", "BASE_VERSION=1.2.3"]);
    }
    let mut set = |wanted: bool, key: &str, value: Value| {
        if wanted {
            config.insert(key.into(), value);
        }
    };
    set(true, "Env", json!(env));
    set(hash[1] & 3 == 0, "WorkingDir", json!("/srv/app"));
    set(hash[2] & 7 == 0, "User", json!("nobody"));
    set(hash[3] & 1 == 1, "Cmd", json!(["/bin/sh"]));
    set(hash[4] & 3 == 0, "Entrypoint", json!(["/entrypoint.sh"]));
    set(hash[5] & 3 == 0, "Labels", json!({"org.opencontainers.image.title": "base", "a": "b"}));
    set(hash[6] & 7 == 0, "ExposedPorts", json!({"80/tcp": {}}));
    set(hash[6] & 7 == 0, "Volumes", json!({"/data": {}}));
    set(hash[7] & 15 == 0, "OnBuild", json!(["ENV FROM_ONBUILD=yes", "RUN echo onbuild > /onbuild"]));
    let layer = hex(&Sha256::digest(format!("layer:{reference}").as_bytes()));
    let mut image = json!({
        "architecture": architecture, "os": os, "created": "2024-01-02T03:04:05Z",
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        "history": [{"created": "2024-01-02T03:04:05Z", "created_by": "base", "comment": "base"}],
    });
    if !variant.is_empty() {
        image["variant"] = json!(variant);
    }

    let last = reference.rsplit('/').next().unwrap_or_default();
    let name = last.split([':', '@']).next().unwrap_or_default();
    if name == "missing" {
        return None;
    }
    let mut over = Map::new();
    let (kind, words) = name.split_once('-').unwrap_or((name, ""));
    if let Some(texts) = unhex(words) {
        if kind == "onbuild" {
            let texts: Vec<String> = texts.iter().map(|text| lossy(text).into_owned()).collect();
            config.insert("OnBuild".into(), json!(texts));
        } else if kind == "config" && texts.len() == 1 {
            over = serde_json::from_str(&lossy(&texts[0])).ok()?;
            if let Some(Value::Object(inner)) = over.get("config").cloned() {
                over.remove("config");
                merge(&mut config, inner);
            }
        }
    }
    image["config"] = Value::Object(config);
    merge(image.as_object_mut()?, over);
    let digest = reference.split_once('@').map_or_else(
        || format!("sha256:{}", hex(&Sha256::digest(format!("image:{reference}").as_bytes()))),
        |(_, d)| d.to_owned(),
    );
    Some((digest, image))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(words: &str) -> Option<Vec<Vec<u8>>> {
    words
        .split('-')
        .map(|word| {
            if word.is_empty() || !word.is_ascii() || word.len() % 2 == 1 {
                return None;
            }
            if !word.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            (0..word.len()).step_by(2).map(|at| u8::from_str_radix(&word[at..at + 2], 16).ok()).collect()
        })
        .collect()
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        if value.is_null() {
            into.remove(&key);
        } else {
            into.insert(key, value);
        }
    }
}
