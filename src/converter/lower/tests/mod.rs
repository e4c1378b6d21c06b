mod commands;
mod copies;

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

fn name(lowered: &Lowered) -> &str {
    lowered.graph.get(lowered.root).and_then(|(_, step)| step.metadata.custom_name()).unwrap_or_default()
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
