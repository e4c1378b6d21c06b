//! The parts themselves.

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

#[test]
fn buildkitd_starts() {
    assert!(Buildkitd::shared().addr().starts_with("unix:///"));
}
