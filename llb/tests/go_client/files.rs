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
        file.push(CopyAction {
            owner: Some(Owner::parse("app:1000")),
            chmod: Some(Chmod::Bits(0o4755)),
            follow_symlinks: true,
            dir_contents_only: true,
            attempt_unpack: true,
            create_dest_path: true,
            allow_wildcard: true,
            allow_empty_wildcard: true,
            timestamp: Some(TIME),
            include_patterns: vec!["*.go".to_owned(), String::new()],
            exclude_patterns: vec!["x".to_owned()],
            always_replace_existing: true,
            required_paths: vec!["y".to_owned()],
            ..CopyAction::new(b.context, "a/../b", "c/.")
        });
        b.graph.file(file, none())
    }),
    ("copy_symbolic_mode", |b| {
        let copy = CopyAction {
            chmod: Some(Chmod::Symbolic("u=rwX".to_owned())),
            ..CopyAction::new(b.context, "/a", "/")
        };
        file(b, b.alpine, [copy.into()])
    }),
    ("copy_mode_zero", |b| {
        let copy = CopyAction { chmod: Some(Chmod::Bits(0)), ..CopyAction::new(b.context, "", "/.") };
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
        let mkdir = MkdirAction {
            make_parents: true,
            owner: Some(Owner::ids(0, 5)),
            ..MkdirAction::new("a/b", 0o1777)
        };
        file(b, Output::SCRATCH, [mkdir.into()])
    }),
    ("mkfile", |b| {
        let mkfile = MkfileAction {
            owner: Some(Owner::parse("root:staff")),
            timestamp: Some(TIME),
            ..MkfileAction::new("/f", 0o644, *b"<data>\0")
        };
        file(b, b.alpine, [mkfile.into()])
    }),
    ("mkfile_empty", |b| {
        let mkfile = MkfileAction { owner: Some(Owner::parse("app")), ..MkfileAction::new("/f", 0, []) };
        file(b, b.alpine, [mkfile.into()])
    }),
    ("rm", |b| {
        let wildcard = RmAction { allow_not_found: true, allow_wildcard: true, ..RmAction::new("b/") };
        file(b, b.alpine, [RmAction::new("/a").into(), wildcard.into()])
    }),
    ("symlink", |b| {
        let symlink = SymlinkAction {
            owner: Some(Owner::parse(":0")),
            timestamp: Some(0),
            ..SymlinkAction::new("../x", "y/")
        };
        file(b, b.alpine, [symlink.into()])
    }),
    ("owner_by_name_on_scratch", |b| {
        let mkdir = MkdirAction { owner: Some(Owner::parse("-1:b")), ..MkdirAction::new("/a", 0) };
        file(b, Output::SCRATCH, [mkdir.into()])
    }),
];
