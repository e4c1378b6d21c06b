//! COPY, ADD, and what of the context they need.

use super::*;

#[test]
fn the_context_sends_what_is_copied() {
    let sent = |text: &str| context(&lowered(text)).0;
    assert_eq!(sent("FROM scratch\nCOPY b a/../c /x/\n"), ["b", "c"]);
    assert_eq!(sent("FROM scratch\nRUN --mount=source=m,target=/m x\nCOPY b /\n"), ["b", "m"]);
    assert_eq!(sent("FROM scratch\nCOPY . /\n"), [""; 0]);
    // A tmpfs without a source counts as a reader of everything, as in BuildKit.
    assert_eq!(sent("FROM scratch\nRUN --mount=type=tmpfs,target=/t x\nCOPY b /\n"), [""; 0]);
    let excludes = lower_with("FROM scratch\nCOPY b /\n", "*.o\n# c\n!x.o\n", &options(|_| {})).0.unwrap();
    assert_eq!(context(&excludes).1, ["*.o", "!x.o"]);
}

#[test]
fn link_copies_onto_nothing_and_merges() {
    let image = lowered("FROM a\nCOPY --link x y\n");
    assert!(matches!(image.graph.get(image.root), Some((Op::Merge(_), _))));
    assert_eq!(name(&image), "[2/2] LINK COPY --link x y");
    // Permissions need the files: no link then.
    assert_eq!(copies(&lowered("FROM a\nCOPY --link --chmod=1 x y\n")).len(), 1);
    assert_eq!(copies(&lowered("FROM scratch\nCOPY --link x y\n")).len(), 1);
}

#[test]
fn parents_split_at_the_pivot() {
    let image = lowered("FROM scratch\nCOPY --parents a/./b/*.c x/y /z/\n");
    let copies = copies(&image);
    assert_eq!((copies[0].src.as_str(), copies[0].include_patterns[0].as_str()), ("/a", "b/*.c"));
    assert_eq!((copies[1].src.as_str(), copies[1].required_paths[0].as_str()), ("/", "/x/y"));
    assert!(copies[0].required_paths.is_empty());
}

#[test]
fn add_fetches_repositories_and_addresses() {
    let image = lowered("FROM scratch\nADD --keep-git-dir https://h/r.git#v:d https://h/x.tar local /\n");
    let copies = copies(&image);
    assert_eq!(copies.iter().map(|copy| copy.src.as_str()).collect::<Vec<_>>(), ["/", "x.tar", "/local"]);
    assert_eq!(copies.iter().map(|copy| copy.attempt_unpack).collect::<Vec<_>>(), [false, false, true]);
    let llb::CopyFrom::Output(git) = copies[0].from else { panic!("an action") };
    let Some((Op::Source(source), _)) = image.graph.get(git) else { panic!("no source") };
    assert_eq!(source.identifier(), "git://h/r.git#v:d");
    assert_eq!(source.attrs("")["git.keepgitdir"], "true");
}

#[test]
fn a_later_stage_cannot_be_copied_from() {
    let text = "FROM a AS x\nCOPY --from=y p p\nFROM a AS y\nFROM scratch\nCOPY --from=x p p\n";
    let (message, line) = refused(text);
    assert_eq!(message, "cannot copy from stage \"y\", it needs to be defined before current stage \"x\"");
    assert_eq!(line, Some(2));
}

#[test]
fn urls_that_stand_for_bytes_that_are_not_utf8_are_refused_once_the_op_is_needed() {
    let add = |source: &str| format!("FROM alpine AS a\nADD {source} /\n");
    for source in ["https://h/%ff", "https://h/%ff.git", "https://h/r.git#%ff", "https://h/r.git?subdir=%ff"]
    {
        assert_eq!(refused(&add(source)).1, None, "{source}");
        // Nothing is read of the stage.
        lowered(&(add(source) + "FROM alpine\nCOPY --from=a <<f /x\nf\n"));
    }
    for source in ["git@h:r#%ff", "https://h/%ff/x"] {
        lowered(&add(source));
    }
}

#[test]
fn a_context_at_a_web_address_is_unpacked_if_it_is_an_archive() {
    let lowered = |archive| {
        let context = plan::Context::Http { url: "https://h/c.tar".into(), archive };
        let options = options(|options| options.context = context);
        lower_with("FROM scratch\nCOPY a /b\n", "", &options).0.unwrap()
    };
    let from = |lowered: &Lowered| {
        let llb::CopyFrom::Output(from) = copies(lowered)[0].from else { panic!("an action") };
        lowered.graph.get(from).map(|(op, _)| op.clone()).unwrap()
    };
    let Op::Source(SourceOp::Http(file)) = from(&lowered(false)) else { panic!("no file") };
    assert_eq!((file.url.as_str(), file.filename.as_str()), ("https://h/c.tar", "context"));
    let Op::File(unpacked) = from(&lowered(true)) else { panic!("no archive") };
    let Some(llb::FileAction::Copy(copy)) = unpacked.actions().next() else { panic!("no copy") };
    assert_eq!((copy.src.as_str(), copy.dest.as_str(), copy.attempt_unpack), ("/context", "/", true));
}
