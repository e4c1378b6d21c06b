use llb::{
    Chmod, CopyAction, CopyFrom, FileAction, FileOp, MkdirAction, MkfileAction, Output, Owner, Parent,
    RmAction, SymlinkAction,
};

use super::{Build, Case, none};

fn file<const N: usize>(b: &mut Build, base: Output, actions: [FileAction; N]) -> Output {
    let mut file = FileOp::new(base);
    for action in actions {
        file.push(action);
    }
    b.graph.file(file, none())
}

const TIME: i64 = 1_700_000_000_000_000_005;

pub(super) const CASES: &[Case] = &[
    ("copy", |b| file(b, b.alpine, [CopyAction::new(b.context, "/", "/app/").into()])),
    ("copy_everything", |b| {
        let mut file = FileOp::new(b.alpine).in_dir("/work/./dir/");
        file.push(
            CopyAction::new(b.context, "a/../b", "c/.")
                .with_owner(Owner::parse("app:1000"))
                .with_chmod(Chmod::Bits(0o4755))
                .with_follow_symlinks(true)
                .with_dir_contents_only(true)
                .with_attempt_unpack(true)
                .with_create_dest_path(true)
                .with_allow_wildcard(true)
                .with_allow_empty_wildcard(true)
                .with_timestamp(TIME)
                .with_include_patterns(["*.go".to_owned(), String::new()])
                .with_exclude_patterns(["x".to_owned()])
                .with_always_replace_existing(true)
                .with_required_paths(["y".to_owned()]),
        );
        b.graph.file(file, none())
    }),
    ("copy_symbolic_mode", |b| {
        let copy = CopyAction::new(b.context, "/a", "/").with_chmod(Chmod::Symbolic("u=rwX".to_owned()));
        file(b, b.alpine, [copy.into()])
    }),
    ("copy_mode_zero", |b| {
        let copy = CopyAction::new(b.context, "", "/.").with_chmod(Chmod::Bits(0));
        file(b, b.alpine, [copy.into()])
    }),
    ("copy_from_scratch", |b| {
        let copy = CopyAction::new(Output::SCRATCH, "/a", "b");
        file(b, Output::SCRATCH, [copy.into()])
    }),
    ("copy_onto_itself", |b| file(b, b.alpine, [CopyAction::new(b.alpine, "/a", "/b").into()])),
    ("copies_chained", |b| {
        let copies = [(b.context, "/1"), (b.busybox, "/2"), (b.context, "/3")];
        let copies = copies.map(|(from, path)| CopyAction::new(from, path, path).into());
        file(b, b.alpine, copies)
    }),
    ("copy_prepared_on_the_side", |b| {
        let mut file = FileOp::new(b.alpine);
        let trunk = file.push(MkdirAction::new("/x", 0o755));
        let side = file.push_on(Parent::Base(b.busybox), MkdirAction::new("/side", 0o700));
        let side = file.push_on(Parent::Action(side), CopyAction::new(b.context, "/in", "/side/"));
        let copy = CopyAction::new(CopyFrom::Action(side), "/side", "/y");
        file.push_on(Parent::Action(trunk), copy);
        file.push(RmAction::new("/z"));
        b.graph.file(file, none())
    }),
    ("mkdir", |b| {
        let mkdir = MkdirAction::new("a/b", 0o1777).with_make_parents(true).with_owner(Owner::ids(0, 5));
        file(b, Output::SCRATCH, [mkdir.into()])
    }),
    ("mkfile", |b| {
        let mkfile = MkfileAction::new("/f", 0o644, *b"<data>\0")
            .with_owner(Owner::parse("root:staff"))
            .with_timestamp(TIME);
        file(b, b.alpine, [mkfile.into()])
    }),
    ("mkfile_empty", |b| {
        let mkfile = MkfileAction::new("/f", 0, []).with_owner(Owner::parse("app"));
        file(b, b.alpine, [mkfile.into()])
    }),
    ("rm", |b| {
        let wildcard = RmAction::new("b/").with_allow_not_found(true).with_allow_wildcard(true);
        file(b, b.alpine, [RmAction::new("/a").into(), wildcard.into()])
    }),
    ("symlink", |b| {
        let symlink = SymlinkAction::new("../x", "y/").with_owner(Owner::parse(":0")).with_timestamp(0);
        file(b, b.alpine, [symlink.into()])
    }),
    ("owner_by_name_on_scratch", |b| {
        let mkdir = MkdirAction::new("/a", 0).with_owner(Owner::parse("-1:b"));
        file(b, Output::SCRATCH, [mkdir.into()])
    }),
];
