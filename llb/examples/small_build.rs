//! Writes the definition of a small build to standard output, as `buildctl build` takes it on its standard input:
//! a program is compiled with a cache that lasts, and put into an image of its own.
//!
//! `cargo run --example small_build | cargo run --example dump tree` shows it.

use std::io::Write as _;

use llb::{
    CacheSharing, Constraints, CopyAction, ExecOp, FileOp, GitSource, Graph, ImageSource, MarshalOptions,
    Mount, Output, Platform,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut graph = Graph::new();
    let go = graph.source(ImageSource::new("golang:1.25-alpine"), Constraints::named("FROM golang"));
    let source = GitSource::new("https://github.com/moby/buildkit").with_reference("v0.32.2");
    let source = graph.source(source, Constraints::named("fetch the source"));

    let build =
        ExecOp::new(go, ["go", "build", "-o", "/out/", "./cmd/buildctl"]).with_cwd("/src").with_mounts([
            Mount::bind("/src", source).with_readonly(true),
            Mount::bind("/out", Output::SCRATCH),
            Mount::cache("/root/.cache", "go-cache", CacheSharing::Shared),
        ]);
    let built = graph.exec(build, Constraints::named("go build"));
    let out = built.mounts[1].ok_or("a writable mount has a result")?;

    let mut image = FileOp::new(Output::SCRATCH);
    image.push(CopyAction::new(out, "/buildctl", "/usr/bin/").with_create_dest_path(true));
    let image = graph.file(image, Constraints::named("put it into an image"));

    let options = MarshalOptions::new(Platform::new("linux", "amd64"), "small-build");
    let definition = graph.marshal(image, &options)?;
    std::io::stdout().write_all(&definition.encode())?;
    Ok(())
}
