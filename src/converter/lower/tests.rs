use std::collections::BTreeMap;

use llb::{MountKind, Op};

use super::*;
use crate::converter::dockerfile;
use crate::converter::plan::{self, Fact, Facts, ImageFact, Need, Options, Planning};

/// The base image of every stage: two variables, a working directory, a user.
const BASE: &str = r#"{"os":"linux","architecture":"amd64","created":"2024-01-02T03:04:05Z",
    "config":{"Env":["PATH=/bin","LANG=C"],"WorkingDir":"/srv","User":"app","Cmd":["sh"]},
    "rootfs":{"type":"layers","diff_ids":["sha256:0"]},"history":[{"created_by":"base"}]}"#;

pub(super) fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options { build_platform: Platform::new("linux", "amd64"), ..Options::default() };
    change(&mut options);
    options
}

pub(super) fn lower_with(
    text: &str,
    ignore: &str,
    options: &Options,
) -> (Result<Lowered, Error>, Vec<Notice>) {
    let source = Source::new("Dockerfile", text);
    let dockerfile = dockerfile::parse(&source, &mut Vec::new()).unwrap();
    let mut facts = Facts::new();
    let mut planning = Planning::new(&dockerfile, options, options.platforms.first());
    loop {
        match planning.resume(&facts).unwrap() {
            plan::PlanState::Ready(plan) => {
                let mut notices = planning.into_notices();
                return (lower(&plan, &source, &mut notices), notices);
            }
            plan::PlanState::Need(needs) => facts.extend(needs.into_iter().map(|need| {
                let file = || IgnoreFile { name: ".dockerignore".into(), text: ignore.into() };
                let fact = match need {
                    Need::Image { .. } => Fact::Image(ImageFact::new("", BASE.as_bytes())),
                    _ => Fact::Ignore((!ignore.is_empty()).then(file)),
                };
                (need, Ok(fact))
            })),
        }
    }
}

pub(super) fn lowered(text: &str) -> Lowered {
    lower_with(text, "", &options(|_| {})).0.unwrap()
}

/// The error's text and line.
fn refused(text: &str) -> (String, Option<u32>) {
    let error = lower_with(text, "", &options(|_| {})).0.unwrap_err();
    (error.to_string(), error.span.map(Span::first))
}

fn notices(text: &str, ignore: &str) -> Vec<NoticeKind> {
    lower_with(text, ignore, &options(|_| {})).1.into_iter().map(|notice| notice.kind).collect()
}

fn history(lowered: &Lowered) -> Vec<&str> {
    lowered.image.history.iter().map(|step| step.created_by.as_str()).collect()
}

fn exec_of(lowered: &Lowered) -> &llb::ExecOp {
    match lowered.graph.get(lowered.root) {
        Some((Op::Exec(exec), _)) => exec,
        other => panic!("no command: {other:?}"),
    }
}

fn env_of(lowered: &Lowered) -> Vec<String> {
    exec_of(lowered).env.iter().map(ToString::to_string).collect()
}

fn copies(lowered: &Lowered) -> Vec<&llb::CopyAction> {
    let Some((Op::File(file), _)) = lowered.graph.get(lowered.root) else { panic!("no files") };
    file.actions()
        .map(|action| match action {
            llb::FileAction::Copy(copy) => &**copy,
            other => panic!("no copy: {other:?}"),
        })
        .collect()
}

fn name(lowered: &Lowered) -> &str {
    lowered.graph.get(lowered.root).and_then(|(_, step)| step.metadata.custom_name()).unwrap_or_default()
}

/// What the main context sends: paths and patterns.
fn context(lowered: &Lowered) -> (Vec<String>, Vec<String>) {
    let copy = copies(lowered)[0];
    let llb::CopyFrom::Output(from) = copy.from else { panic!("an action") };
    match lowered.graph.get(from) {
        Some((Op::Source(SourceOp::Local(local)), _)) => {
            (local.follow_paths.clone(), local.exclude_patterns.clone())
        }
        other => panic!("no folder: {other:?}"),
    }
}

#[test]
fn an_image_keeps_its_base_and_adds_history() {
    let image = lowered("FROM a\nENV A=1\nRUN x\nCMD [\"y\", \"z\"]\n");
    assert_eq!(history(&image), ["base", "ENV A=1", "RUN /bin/sh -c x # buildkit", "CMD [\"y\" \"z\"]"]);
    let config = &image.image.config;
    assert_eq!(config.env, ["PATH=/bin", "LANG=C", "A=1"]);
    assert_eq!((config.cmd.as_slice(), config.args_escaped), (&["y".to_owned(), "z".into()][..], true));
    assert_eq!(
        (image.image.created, image.base.unwrap().created.as_deref()),
        (None, Some("2024-01-02T03:04:05Z"))
    );
}

#[test]
fn steps_that_change_files_are_layers() {
    let image = lowered("FROM a\nENV A=1\nRUN x\nCOPY b /\nADD b /\nWORKDIR /x\nWORKDIR /\nUSER u\nCMD y\n");
    let layers: Vec<bool> = image.image.history[1..].iter().map(|step| !step.empty_layer).collect();
    assert_eq!(layers, [false, true, true, true, true, false, false, false]);
}

#[test]
fn variables_move_to_the_end_for_commands_and_stay_in_the_configuration() {
    let image = lowered("FROM a\nARG B=2\nENV LANG=D\nRUN x\n");
    assert_eq!(env_of(&image), ["PATH=/bin", "B=2", "LANG=D"]);
    assert_eq!(image.image.config.env, ["PATH=/bin", "LANG=D"]);
    let child = lowered("FROM a AS p\nARG B=2\nFROM p\nRUN x\n");
    assert_eq!(env_of(&child), ["B=2", "PATH=/bin", "LANG=C"]);
}

#[test]
fn one_env_sees_the_variables_before_it() {
    let image = lowered("FROM scratch\nENV A=1\nENV A=2 B=$A\n");
    assert_eq!(image.image.config.env[1..], ["A=2", "B=1"]);
}

#[test]
fn arguments_are_scoped_to_their_stage_and_those_built_on_it() {
    let image = lowered("ARG G=g\nFROM scratch AS p\nARG G\nARG D=$G-d\nFROM p\nRUN $D\nFROM scratch\n");
    assert_eq!(history(&image), [""; 0]);
    let image = lowered("ARG G=g\nFROM scratch AS p\nARG G\nARG D=$G-d E\nFROM p\nRUN x\n");
    assert_eq!(history(&image), ["ARG G=g", "ARG D=g-d E", "RUN |3 G=g D=g-d E= /bin/sh -c x # buildkit"]);
    let given = options(|options| options.build_args = BTreeMap::from([("D".into(), "x".into())]));
    let image = lower_with("FROM scratch\nRUN a\nARG D=1\nRUN b\n", "", &given).0.unwrap();
    assert_eq!(history(&image)[2], "RUN |1 D=x /bin/sh -c b # buildkit");
}

#[test]
fn entrypoint_drops_an_inherited_command() {
    assert_eq!(lowered("FROM a\nENTRYPOINT [\"e\"]\n").image.config.cmd, [""; 0]);
    assert_eq!(lowered("FROM a\nCMD c\nENTRYPOINT [\"e\"]\n").image.config.cmd, ["/bin/sh", "-c", "c"]);
}

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
fn steps_are_numbered_within_their_stage() {
    let build = "FROM a AS b\nWORKDIR /x\nRUN run $LANG 'y'\n";
    let image = lowered(&format!("{build}FROM b\nCOPY $LANG z\n"));
    assert_eq!(name(&image), "[stage-1 1/1] COPY C z");
    assert_eq!(name(&lowered(build)), "[3/3] RUN run C 'y'");
    let multi = options(|options| options.multi_platform = true);
    let image = lower_with(build, "", &multi).0.unwrap();
    assert_eq!(name(&image), "[linux/amd64 3/3] RUN run C 'y'");
}

#[test]
fn mounts_get_their_defaults() {
    let image = lowered(concat!(
        "FROM a\nRUN --mount=type=cache,target=c,uid=7 --mount=type=secret,id=d/s,env=V,required ",
        "--mount=type=ssh --mount=type=bind,target=/b,rw x $V\n"
    ));
    let exec = exec_of(&image);
    let targets: Vec<&str> = exec.mounts.iter().map(|mount| mount.target.as_str()).collect();
    assert_eq!(targets, ["/b", "/srv/c"]);
    assert!(exec.mounts[0].no_output && !exec.mounts[0].readonly);
    assert!(matches!(&exec.mounts[1].kind, MountKind::Cache { id, .. } if id == "/c"));
    assert_eq!(exec.mounts[1].selector, "/cache");
    let Some((Op::File(file), _)) = image.graph.get(exec.mounts[1].source) else { panic!("no directory") };
    let Some(llb::FileAction::Mkdir(made)) = file.actions().next() else { panic!("no directory") };
    assert_eq!((made.path.as_str(), made.mode, &made.owner), ("/cache", 0o755, &Some(llb::Owner::ids(7, 0))));
    assert_eq!((exec.secrets[0].target.as_deref(), exec.secrets[0].optional), (None, false));
    assert_eq!((exec.ssh[0].id.as_str(), exec.ssh[0].mode), ("", 0o600));
    assert!(name(&image).ends_with("x ****"), "{}", name(&image));
    let plain = lowered("FROM a\nRUN --mount=type=secret,id=d/s x\n");
    assert_eq!(exec_of(&plain).secrets[0].target.as_deref(), Some("/run/secrets/s"));
}

#[test]
fn options_reach_every_command() {
    let all = options(|options| {
        options.network = plan::Network::Host;
        options.hostname = "h".into();
        options.shm_size_bytes = 9;
        options.cgroup_parent = "g".into();
        options.linux_resources.memory = 64;
        options.no_cache = plan::NoCache::Stages(vec!["B".into()]);
        options.build_args =
            BTreeMap::from([("http_proxy".into(), "p".into()), ("HTTP_PROXY".into(), "P".into())]);
    });
    let image = lower_with("FROM a AS b\nRUN x\n", "", &all).0.unwrap();
    let exec = exec_of(&image);
    assert_eq!((exec.network, exec.hostname.as_str()), (llb::Network::Host, "h"));
    assert_eq!((exec.cgroup_parent.as_str(), exec.mounts[0].target.as_str()), ("g", "/dev/shm"));
    assert_eq!(exec.proxy_env.as_ref().unwrap().http_proxy, "p");
    let metadata = &image.graph.get(image.root).unwrap().1.metadata;
    assert!(metadata.ignore_cache);
    assert_eq!(metadata.linux_resources.as_ref().unwrap().memory, 64);
    let image = lower_with("FROM a AS c\nRUN --network=none x\n", "", &all).0.unwrap();
    assert_eq!(exec_of(&image).network, llb::Network::None);
    assert!(!image.graph.get(image.root).unwrap().1.metadata.ignore_cache);
}

#[test]
fn every_proxy_argument_reaches_commands_in_either_case() {
    let proxies = ["HTTP_PROXY", "https_proxy", "FTP_PROXY", "no_proxy", "ALL_PROXY"];
    let given = options(|options| {
        let args = proxies.iter().chain(&["other_proxy"]);
        options.build_args = args.map(|name| ((*name).into(), name.to_ascii_lowercase())).collect();
    });
    let image = lower_with("FROM a\nRUN x\n", "", &given).0.unwrap();
    let wanted = llb::ProxyEnv::default()
        .with_http_proxy("http_proxy")
        .with_https_proxy("https_proxy")
        .with_ftp_proxy("ftp_proxy")
        .with_no_proxy("no_proxy")
        .with_all_proxy("all_proxy");
    assert_eq!(exec_of(&image).proxy_env.as_ref(), Some(&wanted));
    assert_eq!(exec_of(&lowered("FROM a\nRUN x\n")).proxy_env, None);
}

#[test]
fn here_documents_are_scripts_files_or_text_for_the_shell() {
    let script = lowered("FROM a\nRUN <<E\n#!/bin/x\ny\nE\n");
    assert_eq!(exec_of(&script).args, ["/bin/sh", "-c", "/dev/pipes/E"]);
    assert_eq!(exec_of(&script).mounts[0].target, "/dev/pipes/");
    let text = lowered("FROM a\nRUN <<-E\n\ta\n\tb\nE\n");
    assert_eq!(exec_of(&text).args, ["/bin/sh", "-c", "a\nb\n"]);
    assert_eq!(name(&text), "[2/2] RUN <<-E (a...)");
    let several = lowered("FROM a\nRUN cat <<A <<B\n1\nA\n2\nB\n");
    assert_eq!(exec_of(&several).args[2], "cat <<A <<B\n1\nA\n2\nB");
    let file = lowered("FROM a\nENV V=v\nCOPY <<A <<\"B\" /x/\n$V\nA\n$V\nB\n");
    assert_eq!(copies(&file).len(), 2);
    assert_eq!(history(&file)[2], "COPY <<A <<B /x/ # buildkit");
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
fn epoch_dates_history_and_made_directories() {
    let epoch =
        options(|options| options.build_args = BTreeMap::from([("SOURCE_DATE_EPOCH".into(), "1".into())]));
    let image = lower_with("FROM a\nWORKDIR /x\n", "", &epoch).0.unwrap();
    assert_eq!(image.image.history[1].created.as_deref(), Some("1970-01-01T00:00:01Z"));
    let Some((Op::File(file), _)) = image.graph.get(image.root) else { panic!("no files") };
    let Some(llb::FileAction::Mkdir(made)) = file.actions().next() else { panic!("no directory") };
    assert_eq!((made.timestamp, made.owner.is_some()), (Some(1_000_000_000), true));
    assert_eq!(image.epoch, Some(1));
}

#[test]
fn the_asked_platform_and_labels_go_into_the_configuration() {
    let asked = options(|options| {
        options.platforms = vec![Platform::parse("linux/arm/v7").unwrap()];
        options.labels = BTreeMap::from([("l".into(), "v".into())]);
    });
    let image = lower_with("FROM a\n", "", &asked).0.unwrap();
    assert_eq!(image.image.platform.to_string(), "linux/arm/v7");
    assert_eq!(image.image.config.labels["l"], "v");
}

#[test]
fn every_stage_on_the_same_parent_takes_over_its_configuration() {
    let image = lowered(concat!(
        "FROM a AS p\nENV X=1\nARG Y=2\nWORKDIR /w\n",
        "FROM p AS q\nRUN make\nFROM p AS r\nRUN make\nFROM p\nCOPY --from=q b /\nCOPY --from=r b /\nRUN x\n"
    ));
    assert_eq!(env_of(&image), ["Y=2", "PATH=/bin", "LANG=C", "X=1"]);
    assert_eq!(image.image.config.env, ["PATH=/bin", "LANG=C", "X=1"]);
    assert_eq!(exec_of(&image).cwd, "/w");
}

#[test]
fn a_stage_is_lowered_only_if_it_is_needed() {
    let image = lowered("FROM a AS x\nSTOPSIGNAL nonsense\nFROM scratch\n");
    assert!(image.root.is_scratch());
    let all = options(|options| options.all_stages = true);
    assert!(lower_with("FROM a AS x\nSTOPSIGNAL nonsense\nFROM scratch\n", "", &all).0.is_err());
}

#[test]
fn errors_name_their_instruction() {
    for (text, message, line) in [
        ("FROM a\nSTOPSIGNAL x\n", "invalid signal: x", Some(2)),
        ("FROM a\nEXPOSE 80/x\n", "invalid port: \"80/x\": invalid proto: x", Some(2)),
        (
            "FROM a\nCOPY --chmod=9 x y\n",
            "invalid chmod parameter: '9'. it should be octal string and between 0 and 07777",
            Some(2),
        ),
        ("FROM a\nCOPY https://h/x y\n", "source can't be a URL for COPY", Some(2)),
        ("FROM a\nCOPY git@h:r y\n", "source can't be a git ref for COPY", Some(2)),
        ("FROM a\nADD --checksum=sha256:0 a b\n", "checksum requires HTTP(S) or Git sources", Some(2)),
        ("FROM a\nENV A=${B?no}\n", "cannot expand \"${B?no}\": B: no", Some(2)),
        ("FROM a\n\nRUN --mount=type=bind,target=/ x\n", "invalid mount target \"/\"", Some(3)),
        (
            "FROM a\nRUN --device=x y\n",
            "RUN --device is a feature of experimental Dockerfile frontends only",
            Some(2),
        ),
        ("FROM a\nRUN []\n", "arguments are required", None),
    ] {
        assert_eq!(refused(text), (message.to_owned(), line), "{text}");
    }
}

#[test]
fn errors_help_where_a_remedy_is_known() {
    for (text, wanted) in [
        ("FROM a\nCOPY --chmod=9 x y\n", Some("write 0755, or u=rwX,go=rX")),
        ("FROM a\nCOPY --chmod=q x y\n", Some("write 0755, or u=rwX,go=rX")),
        ("FROM a\nCOPY https://h/x y\n", Some("use ADD")),
        ("FROM a\nCOPY git@h:r y\n", Some("use ADD")),
        (
            "FROM a\nCOPY --from=y p p\nFROM a AS y\nFROM scratch\nCOPY --from=0 p p\n",
            Some("move the stage up"),
        ),
        ("FROM a\nSTOPSIGNAL x\n", Some("use a number or a name such as SIGTERM")),
        ("FROM a\nEXPOSE 80/x\n", Some("use tcp, udp or sctp")),
        ("FROM a\nRUN []\n", Some("give RUN a command")),
        ("FROM a\nENV A=${B?no}\n", None),
    ] {
        let error = lower_with(text, "", &options(|_| {})).0.unwrap_err();
        assert_eq!(crate::diag::Located::help(&error), wanted, "{text}");
    }
}

#[test]
fn a_named_context_without_a_configuration_is_an_empty_base_image() {
    let context = options(|options| {
        options.named_contexts = BTreeMap::from([("a".into(), "https://h/c.tar".into())]);
    });
    let image = lower_with("FROM a\nENV A=1\n", "", &context).0.unwrap();
    let base = image.base.expect("the configuration of the base");
    assert_eq!(base.platform, Platform::new("linux", "amd64"));
    assert_eq!((base.history.len(), base.config.env.iter().any(|variable| variable == "A=1")), (0, false));
    // A stage that begins with nothing has no base image.
    assert!(lowered("FROM scratch\nENV A=1\n").base.is_none());
}

#[test]
fn a_later_stage_cannot_be_copied_from() {
    let text = "FROM a AS x\nCOPY --from=y p p\nFROM a AS y\nFROM scratch\nCOPY --from=x p p\n";
    let (message, line) = refused(text);
    assert_eq!(message, "cannot copy from stage \"y\", it needs to be defined before current stage \"x\"");
    assert_eq!(line, Some(2));
}

#[test]
fn windows_paths_have_drives_and_backslashes() {
    let windows = options(|options| options.platforms = vec![Platform::new("windows", "amd64")]);
    let image =
        lower_with("FROM scratch\nWORKDIR C:\\\\a\\\\b\nCOPY x .\\\\yy\\\\\n", "", &windows).0.unwrap();
    assert_eq!(image.image.config.working_dir, "\\a\\b");
    assert_eq!(copies(&image)[0].dest, "/a/b/yy/");
    assert_eq!(image.image.config.env, [""; 0]);
}

#[test]
fn what_is_doubtful_is_noted() {
    assert_eq!(
        notices("FROM a\nWORKDIR x\nCOPY $LNAG /\n", ""),
        [
            NoticeKind::WorkdirRelativePath { path: "x".into() },
            NoticeKind::UndefinedVar { name: "LNAG".into(), suggestion: Some("LANG".into()) },
        ]
    );
    assert_eq!(
        notices("FROM a\nCOPY b/c /\nADD d /\n", "b\n"),
        [NoticeKind::CopyIgnoredFile { instruction: "Copy", path: "b/c".into() }]
    );
    assert_eq!(notices("FROM a\nCOPY b /\n", "b\n!b/c\n"), []);
}

#[test]
fn long_chains_of_stages_stay_linear() {
    let mut text = String::from("FROM scratch AS s0\n");
    for stage in 1..3000 {
        text.push_str(&format!("FROM s{} AS s{stage}\nENV A{stage}=1\n", stage - 1));
    }
    let image = lowered(&text);
    assert_eq!((image.image.config.env.len(), image.image.history.len()), (3000, 2999));
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
fn a_source_date_epoch_beyond_the_year_9999_is_refused_once_the_history_has_it() {
    let with_epoch = |text: &str| {
        let options =
            options(|_| {}).with_build_args([("SOURCE_DATE_EPOCH".into(), "253402300800".into())].into());
        lower_with(text, "", &options.unwrap()).0.map_err(|error| error.span)
    };
    assert_eq!(with_epoch("FROM alpine\nENV A=1\n").unwrap_err(), None);
    assert!(with_epoch("FROM alpine\n").is_ok());
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

#[test]
fn base_images_are_looked_up_as_the_options_say() {
    for (mode, written, name) in [
        (plan::ResolveMode::Default, llb::ResolveMode::Default, "default"),
        (plan::ResolveMode::Pull, llb::ResolveMode::ForcePull, "pull"),
        (plan::ResolveMode::Local, llb::ResolveMode::PreferLocal, "local"),
    ] {
        let options = options(|options| options.resolve_mode = mode);
        let lowered = lower_with("FROM a\n", "", &options).0.unwrap();
        let Some((Op::Source(SourceOp::Image(image)), _)) = lowered.graph.get(lowered.root) else {
            panic!("no image")
        };
        assert_eq!((image.resolve_mode, mode.name()), (written, name));
    }
}

#[test]
fn a_device_is_asked_for_in_the_experimental_edition_only() {
    let text = "FROM alpine\nRUN --device=vendor.example/gpu=all,required --device=vendor.example/tpu true\n";
    let (error, line) = refused(text);
    assert!(error.starts_with("RUN --device is a feature"), "{error}");
    assert_eq!(line, Some(2));
    let made = lowered(&format!("# syntax=docker/dockerfile:1-labs\n{text}"));
    let devices = &exec_of(&made).devices;
    let named: Vec<_> = devices.iter().map(|device| (device.name.as_str(), device.optional)).collect();
    assert_eq!(named, [("vendor.example/gpu=all", false), ("vendor.example/tpu", true)]);
}
