//! The parts themselves.

use std::time::Duration;

use bob::buildkit::{Address, Client, TlsOptions};

use super::support::{Buildkitd, Image, Registry, pull};

#[test]
fn a_source_image_is_pushed_pulled_and_runs() {
    let registry = Registry::shared_secured();
    let reference = Image::push_source(registry, "parts/source:latest");
    let image = pull(registry, &reference);
    assert_eq!(image.run("id -u; cat /etc/group"), "0\nroot:x:0:\napp:x:1001:\n");
    assert_eq!(image.config["config"]["WorkingDir"], "/home");
    assert_eq!(image.layers().len(), 1);
}

#[tokio::test]
async fn buildkitd_starts() {
    let address = Address::parse(&Buildkitd::shared().addr()).expect("an address");
    let client = Client::connect(&address, &TlsOptions::default(), Duration::from_mins(1)).await;
    let workers = client.expect("a connection").workers().await.expect("an answer");
    let platforms = &workers.first().expect("a worker").platforms;
    assert!(platforms.iter().any(|platform| platform.os == "linux"), "{platforms:?}");
    assert!(Buildkitd::shared().log().contains("running server on"), "{}", Buildkitd::shared().log());
}
