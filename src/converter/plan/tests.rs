use super::*;
use crate::converter::dockerfile;
use crate::diag::Source;
use crate::image::{ConfigError, Reference};

const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn parsed(text: &str) -> Dockerfile {
    dockerfile::parse(&Source::new("Dockerfile", text), &mut Vec::new()).unwrap()
}

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options { build_platform: Platform::new("linux", "amd64"), ..Options::default() };
    change(&mut options);
    options
}

fn with_args(args: &[(&str, &str)]) -> Options {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    options(|_| {}).with_build_args(args).unwrap()
}

/// An image whose repository is called `trigger` has the trigger `COPY --from=tool /a /a`.
fn answer(need: &Need) -> Fact {
    match need {
        Need::Image { reference, platform, .. } => {
            let platform = platform.clone().unwrap_or_else(|| Platform::new("linux", "amd64"));
            let trigger =
                if reference.path().contains("trigger") { r#""COPY --from=tool /a /a""# } else { "" };
            let json = format!(
                r#"{{"os":"{}","architecture":"{}","config":{{"OnBuild":[{trigger}]}},"rootfs":{{"diff_ids":["x"]}}}}"#,
                platform.os, platform.architecture
            );
            Fact::Image(ImageFact::new(DIGEST, json.into_bytes()))
        }
        Need::Ignore | Need::NamedIgnore { .. } => Fact::Ignore(None),
        Need::SourceTime { .. } => Fact::SourceTime(Some(7)),
        Need::OciLayout { .. } => Fact::Image(ImageFact::new(DIGEST, *b"{}")),
    }
}

/// Asks until there is a plan; hands it to `look` with what was asked for, round by round.
fn planned<T>(
    text: &str,
    options: &Options,
    look: impl FnOnce(&Plan<'_>, &[Vec<String>]) -> T,
) -> Result<T, Error> {
    let dockerfile = parsed(text);
    let platform = options.platforms.first();
    let (mut facts, mut rounds) = (Facts::new(), Vec::new());
    let mut planning = Planning::new(&dockerfile, options, platform);
    loop {
        match planning.resume(&facts)? {
            PlanState::Ready(plan) => return Ok(look(&plan, &rounds)),
            PlanState::Need(needs) => {
                rounds.push(needs.iter().map(|(need, log_name)| shown(need, log_name)).collect());
                facts.extend(needs.into_iter().map(|need| (need.clone(), Ok(answer(&need)))));
            }
        }
    }
}

fn shown(need: &Need, log_name: &str) -> String {
    match need {
        Need::Image { reference, platform, .. } => match platform {
            Some(platform) => format!("{reference} {platform}"),
            None => reference.to_string(),
        },
        Need::OciLayout { store, .. } => store.clone(),
        Need::Ignore => "ignore".into(),
        Need::NamedIgnore { local, .. } => format!("ignore of {local}"),
        Need::SourceTime { .. } => log_name.to_owned(),
    }
}

fn rounds(text: &str, options: &Options) -> Vec<Vec<String>> {
    planned(text, options, |_, rounds| rounds.to_vec()).unwrap()
}

/// The error's text, and the first line that it names.
fn refused(text: &str, options: &Options) -> (String, Option<u32>) {
    let error = planned(text, options, |_, _| ()).unwrap_err();
    (error.to_string(), error.spans.first().map(|span| span.first()))
}

#[test]
fn errors_help_where_a_remedy_is_known() {
    for (text, wanted) in [
        ("FROM --platform=linux/amd64/v1/x a\n", Some("write os/arch")),
        ("FROM a\nCOPY --from=-1 a b\n", Some("count stages from 0")),
        ("FROM $none\n", Some("--build-arg NAME=value")),
        (
            "FROM a AS one\nCOPY --from=two x y\nFROM a AS two\nCOPY --from=one x y\n",
            Some("copies from the next"),
        ),
        ("FROM a\nCOPY --from=$none x y\n", None),
    ] {
        let error = planned(text, &options(|_| {}), |_, _| ()).unwrap_err();
        let help = crate::diag::Located::help(&error);
        match wanted {
            Some(wanted) => assert!(help.is_some_and(|help| help.contains(wanted)), "{error}: {help:?}"),
            None => assert_eq!(help, None, "{error}"),
        }
    }
}

#[test]
fn everything_is_asked_for_at_once() {
    let text = "FROM a AS x\nFROM b\nCOPY --from=x p p\nCOPY --from=c:1 p p\n";
    let amd64 = "linux/amd64";
    assert_eq!(
        rounds(text, &options(|_| {})),
        [[
            format!("docker.io/library/a:latest {amd64}"),
            format!("docker.io/library/b:latest {amd64}"),
            format!("docker.io/library/c:1 {amd64}"),
            "ignore".into(),
        ]]
    );
}

#[test]
fn what_the_target_does_not_need_is_not_looked_up_but_must_be_a_reference() {
    let text = "FROM a AS x\nFROM b AS y\nFROM scratch\n";
    assert_eq!(rounds(text, &options(|_| {})), [["ignore"]]);
    let (error, line) = refused("FROM A AS x\nFROM scratch\n", &options(|_| {}));
    assert!(error.contains("must be lowercase"), "{error}");
    assert_eq!(line, Some(1));
}

#[test]
fn triggers_may_need_more() {
    let text = "FROM tools AS tool\nFROM trigger\nRUN x\n";
    let rounds = rounds(text, &options(|_| {}));
    assert_eq!(rounds.len(), 2);
    assert_eq!(rounds[1], ["docker.io/library/tools:latest linux/amd64"]);
    planned(text, &options(|_| {}), |plan, _| {
        let stage = &plan.stages[plan.target];
        assert_eq!(stage.commands.len(), 2);
        assert!(stage.commands[0].on_build && stage.commands[0].sources == [0]);
        // FROM was named before the trigger counted.
        assert_eq!((stage.steps_at_from, stage.steps), (2, 3));
    })
    .unwrap();
}

#[test]
fn from_knows_stages_by_lower_case_names_and_copy_by_any() {
    let text = "FROM scratch AS Base\nFROM base AS b\nCOPY --from=BASE x y\n";
    planned(text, &options(|_| {}), |plan, _| {
        assert_eq!(plan.stages[1].parent(), Some(0));
        assert_eq!(plan.stages[1].commands[0].sources, [0]);
    })
    .unwrap();
    let (error, _) = refused("FROM scratch AS Base\nFROM Base\n", &options(|_| {}));
    assert!(error.contains("must be lowercase"), "{error}");
}

#[test]
fn images_and_mounts_count_among_the_stages() {
    let text = "FROM scratch\nCOPY --from=a x y\nRUN --mount=type=tmpfs,target=/t x\nCOPY --from=1 x y\nCOPY --from=2 x y\n";
    planned(text, &options(|_| {}), |plan, _| {
        let names: Vec<&str> = plan.stages.iter().map(|stage| stage.base_name.as_str()).collect();
        assert_eq!(names[0], "scratch");
        assert!(names[1].starts_with("docker.io/library/a:latest@"));
        assert_eq!(names[2], "scratch");
        let sources: Vec<&[StageId]> = plan.stages[0].commands.iter().map(|c| c.sources.as_slice()).collect();
        assert_eq!(sources, [&[1][..], &[2], &[1], &[2]]);
    })
    .unwrap();
    assert_eq!(
        refused("FROM scratch\nCOPY --from=1 x y\n", &options(|_| {})),
        ("invalid stage index 1".into(), None)
    );
}

#[test]
fn a_stage_called_scratch_takes_the_place_of_nothing() {
    let text = "FROM a AS scratch\nFROM scratch\n";
    planned(text, &options(|_| {}), |plan, _| assert_eq!(plan.stages[1].parent(), Some(0))).unwrap();
}

#[test]
fn circles_are_refused_with_every_line_of_the_circle() {
    let text = "FROM scratch AS a\nCOPY --from=b x y\nFROM scratch AS b\nCOPY --from=a x y\n";
    let error = planned(text, &options(|_| {}), |_, _| ()).unwrap_err();
    let lines: Vec<u32> = error.spans.iter().map(|span| span.first()).collect();
    assert_eq!((error.to_string().as_str(), lines), ("circular dependency detected on stage: a", vec![2, 4]));
}

#[test]
fn ten_thousand_stages_need_no_deep_recursion() {
    let mut text = String::from("FROM scratch AS s0\n");
    for stage in 1..10_000 {
        text.push_str(&format!("FROM scratch AS s{stage}\nCOPY --from=s{} a b\n", stage - 1));
    }
    planned(&text, &options(|_| {}), |plan, _| assert!(plan.needed.iter().all(|needed| *needed))).unwrap();
}

#[test]
fn targets_are_found_in_any_case_or_suggested() {
    let text = "FROM scratch AS build\nFROM scratch\n";
    let target = |name: &str| options(|options| options.target = name.into());
    planned(text, &target("BUILD"), |plan, _| assert_eq!(plan.target, 0)).unwrap();
    let (error, line) = refused(text, &target("biuld"));
    assert_eq!(error, "target stage \"biuld\" could not be found (did you mean build?)");
    assert_eq!(line, None);
}

#[test]
fn arguments_before_from_take_the_options_then_their_default() {
    let text = "ARG TAG=1\nARG NAME=img-$TAG\nARG PLAIN\nFROM $NAME:$TAG$PLAIN\n";
    let base =
        |options: &Options| planned(text, options, |plan, _| plan.stages[0].base_name.clone()).unwrap();
    assert_eq!(base(&with_args(&[])), format!("docker.io/library/img-1:1@{DIGEST}"));
    assert_eq!(
        base(&with_args(&[("TAG", "2"), ("PLAIN", "x")])),
        format!("docker.io/library/img-2:2x@{DIGEST}")
    );
    let text = "FROM x$TARGETARCH-$TARGETSTAGE\n";
    let base = planned(text, &with_args(&[("TARGETARCH", "z")]), |plan, _| plan.stages[0].base_name.clone());
    assert_eq!(base.unwrap(), format!("docker.io/library/xz-default:latest@{DIGEST}"));
}

#[test]
fn blank_bases_and_platforms_are_refused_where_they_stand() {
    assert_eq!(
        refused("ARG A\nFROM $A\n", &options(|_| {})),
        ("base name ($A) should not be blank".into(), Some(2))
    );
    let (error, line) = refused("FROM --platform=$TARGETPLATFOM a\n", &options(|_| {}));
    assert_eq!(error, "empty platform value from expression $TARGETPLATFOM (did you mean TARGETPLATFORM?)");
    assert_eq!(line, Some(1));
    assert_eq!(refused("FROM scratch\nFROM --platform=a/b/c/d a\n", &options(|_| {})).1, Some(2));
}

#[test]
fn a_platform_is_detected_only_where_none_was_asked_for() {
    let text = "FROM --platform=linux/arm64 a AS x\nFROM a\nCOPY --from=x p p\n";
    let asked = options(|options| options.platforms = vec![Platform::new("linux", "riscv64")]);
    assert_eq!(
        rounds(text, &asked)[0][..2],
        ["docker.io/library/a:latest linux/arm64", "docker.io/library/a:latest linux/riscv64"]
    );
    planned(text, &asked, |plan, _| assert!(!plan.implicit_platform)).unwrap();
}

#[test]
fn named_contexts_are_resolved_only_where_they_are_used() {
    let contexts = |pairs: &[(&str, &str)]| {
        options(|options| {
            options.named_contexts = pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        })
    };
    let both = contexts(&[("tool", "docker-image://other:2"), ("unused", "ftp://x")]);
    let text = "FROM a AS tool\nFROM scratch\nCOPY --from=tool x y\n";
    assert_eq!(rounds(text, &both), [["docker.io/library/other:2", "ignore"]]);
    let local = contexts(&[("a", "local:a")]);
    assert_eq!(rounds("FROM a\n", &local), [["ignore", "ignore of a"]]);
    let (error, line) = refused("FROM unused\n", &both);
    assert_eq!(error, "unsupported context source ftp for unused");
    assert_eq!(line, Some(1));
    let exact = contexts(&[("a", "docker-image://b"), ("a::linux/amd64", "docker-image://c")]);
    assert_eq!(rounds("FROM a\n", &exact)[0][0], "docker.io/library/c:latest linux/amd64");
}

#[test]
fn a_failed_look_up_names_the_image_and_its_line() {
    let dockerfile = parsed("FROM scratch AS alpin\nFROM alpinx\n");
    let options = options(|_| {});
    let mut facts = Facts::new();
    let mut planning = Planning::new(&dockerfile, &options, None);
    let PlanState::Need(needs) = planning.resume(&facts).unwrap() else { panic!("nothing is known yet") };
    for need in needs {
        facts.insert(need, Err(std::sync::Arc::new(std::io::Error::other("not found"))));
    }
    let error = planning.resume(&facts).unwrap_err();
    assert_eq!(error.to_string(), "alpinx (did you mean alpin?): not found");
    assert_eq!(error.spans[0].first(), 2);
}

#[test]
fn a_malformed_configuration_is_an_error_of_its_stage() {
    let fact = ImageFact::new("", *b"{\"os\":1}");
    assert!(matches!(fact.config.as_deref(), Err(error) if matches!(**error, ConfigError::Json(_))));
}

#[test]
fn source_date_epoch_is_a_number_or_the_time_of_something() {
    let epoch = |text: &str, value: &str| {
        planned(text, &with_args(&[("SOURCE_DATE_EPOCH", value)]), |plan, rounds| {
            (plan.epoch, plan.build_args.get("SOURCE_DATE_EPOCH").map(str::to_owned), rounds.len())
        })
    };
    let plain = "FROM scratch\n";
    assert_eq!(epoch(plain, "12").unwrap(), (Some(12), Some("12".into()), 1));
    assert_eq!(epoch(plain, "").unwrap(), (None, None, 1));
    assert_eq!(epoch(plain, "context").unwrap(), (None, None, 1));
    let remote = "FROM scratch AS src\nARG V=1\nADD https://h/x-$V.tar /\nFROM scratch\n";
    assert_eq!(epoch(remote, "src").unwrap(), (Some(7), Some("7".into()), 2));
    for (text, value, line) in [
        (plain, "nothing", None),
        ("FROM a AS src\nFROM scratch\n", "src", Some(1)),
        ("FROM scratch AS src\nRUN x\nFROM scratch\n", "src", Some(1)),
        ("FROM scratch AS src\nADD a /\nFROM scratch\n", "src", Some(1)),
        ("FROM scratch AS src\nFROM scratch\n", "src", Some(1)),
    ] {
        let error = epoch(text, value).unwrap_err();
        assert_eq!(error.spans.first().map(|span| span.first()), line, "{error}");
    }
}

#[test]
fn variables_in_copy_from_are_refused() {
    let (error, line) = refused("FROM scratch\nCOPY --from=$X a b\n", &options(|_| {}));
    assert!(error.starts_with("variable expansion is not supported for --from"), "{error}");
    assert_eq!(line, None);
}

#[test]
fn builds_arguments_that_only_buildkit_reads_are_checked() {
    let args = |name: &str, value: &str| {
        options(|_| {}).with_build_args([(name.to_owned(), value.to_owned())].into_iter().collect())
    };
    assert!(args("BUILDKIT_MULTI_PLATFORM", "1").unwrap().multi_platform);
    assert!(matches!(args("BUILDKIT_MULTI_PLATFORM", "maybe"), Err(OptionsError::MultiPlatform(_))));
    assert!(matches!(args("BUILDKIT_DISABLE_FILEOP", "true"), Err(OptionsError::DisableFileOp)));
    let several =
        options(|options| options.platforms = vec![Platform::new("linux", "a"), Platform::new("linux", "b")]);
    let args = [("BUILDKIT_MULTI_PLATFORM".to_owned(), "0".to_owned())].into_iter().collect();
    assert!(matches!(several.with_build_args(args), Err(OptionsError::SeveralPlatforms)));
}

#[test]
fn triggers_that_read_from_the_image_they_belong_to_do_not_run_on_without_end() {
    let tool_is_trigger =
        options(|o| drop(o.named_contexts.insert("tool".into(), "docker-image://trigger".into())));
    let error = planned("FROM trigger\n", &tool_is_trigger, |_, _| ()).unwrap_err();
    assert!(matches!(&*error.kind, ErrorKind::EndlessTriggers { image } if image == "tool"), "{error}");
    // Read from twice, not by one another.
    planned("FROM trigger\nCOPY --from=trigger /a /b\n", &options(|_| {}), |_, _| ()).unwrap();
}

/// What planning says once every need has the answer that `answer` gives.
fn answered(
    text: &str,
    options: &Options,
    answer: impl Fn(&Need) -> Result<Fact, FactFailure>,
) -> Result<Needs, Error> {
    let dockerfile = parsed(text);
    let mut facts = Facts::new();
    let mut planning = Planning::new(&dockerfile, options, None);
    let PlanState::Need(needs) = planning.resume(&facts)? else { panic!("nothing is needed") };
    facts.extend(needs.into_iter().map(|need| (need.clone(), answer(&need))));
    match planning.resume(&facts)? {
        PlanState::Need(needs) => Ok(needs),
        PlanState::Ready(_) => Ok(Needs::new()),
    }
}

fn with_contexts(args: &[(&str, &str)], contexts: &[(&str, &str)]) -> Options {
    let named_contexts = contexts.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Options { named_contexts, ..with_args(args) }
}

#[test]
fn a_fact_that_cannot_be_found_out_is_an_error_of_what_needs_it() {
    let image = with_contexts(&[], &[("base", "docker-image://other")]);
    let time = with_contexts(&[("SOURCE_DATE_EPOCH", "base")], &[("base", "https://h/r.git")]);
    for (text, options, line, said) in [
        ("FROM scratch\n", &options(|_| {}), None, "broken wire"),
        ("FROM scratch\nFROM base\n", &image, Some(2), "other:latest: broken wire"),
        ("FROM scratch\n", &time, None, "broken wire"),
    ] {
        let broken = |_: &Need| -> Result<Fact, FactFailure> {
            Err(std::sync::Arc::new(std::io::Error::other("broken wire")))
        };
        let error = answered(text, options, broken).unwrap_err();
        assert_eq!(error.to_string(), said);
        assert_eq!(error.spans.first().map(|span| span.first()), line);
    }
}

#[test]
fn a_fact_of_another_kind_is_no_answer() {
    let time = with_args(&[("SOURCE_DATE_EPOCH", "src")]);
    for (text, options) in
        [("FROM a\n", &options(|_| {})), ("FROM scratch AS src\nADD https://h/x /\nFROM scratch\n", &time)]
    {
        let other = |need: &Need| {
            let image = || Fact::Image(ImageFact::new(DIGEST, *b"{}"));
            Ok(if matches!(need, Need::Image { .. }) { Fact::Ignore(None) } else { image() })
        };
        assert!(!answered(text, options, other).unwrap().is_empty(), "{text}");
    }
}

#[test]
fn a_reference_that_was_found_takes_the_place_of_the_one_that_was_asked_for() {
    let found = |need: &Need| {
        let mut answer = answer(need);
        if let Fact::Image(image) = &mut answer {
            image.reference = Reference::parse("mirror.example/a:1").ok();
        }
        answer
    };
    let dockerfile = parsed("FROM a\n");
    let options = options(|_| {});
    let mut facts = Facts::new();
    let mut planning = Planning::new(&dockerfile, &options, None);
    let PlanState::Need(needs) = planning.resume(&facts).unwrap() else { panic!("nothing is known yet") };
    facts.extend(needs.into_iter().map(|need| (need.clone(), Ok(found(&need)))));
    let PlanState::Ready(plan) = planning.resume(&facts).unwrap() else { panic!("all is known") };
    assert_eq!(plan.stages[0].base_name, format!("mirror.example/a:1@{DIGEST}"));
}

#[test]
fn contexts_that_are_written_as_no_frontend_would_are_refused() {
    for (context, message) in [
        ("nothing", "invalid context specifier nothing for base"),
        ("git@h", "invalid context specifier git@h for base"),
        ("git@h:", ""),
        ("git@h/x:y", "invalid git context git@h/x:y"),
    ] {
        let outcome = planned("FROM base\n", &with_contexts(&[], &[("base", context)]), |_, _| ());
        let error = outcome.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(error, message, "{context}");
    }
}

#[test]
fn the_main_context_may_be_elsewhere() {
    let main = |args: &[(&str, &str)], context: Context| {
        let options = Options { context, ..with_args(args) };
        planned("FROM scratch\n", &options, |plan, rounds| {
            (plan.remote_context.clone().unwrap(), plan.epoch, rounds.len())
        })
    };
    let git = || Context::Git("https://h/r.git#v1:d".into());
    let ((source, step), epoch, rounds) = main(&[("BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1")], git()).unwrap();
    assert_eq!(step, "[internal] load git source https://h/r.git#v1:d");
    assert_eq!((epoch, rounds), (None, 0));
    let RemoteSource::Git { remote, reference, subdir, keep_git_dir, mtime, .. } = source else { panic!() };
    assert_eq!(
        (remote.as_str(), reference.as_str(), subdir.as_str(), keep_git_dir, mtime.as_str()),
        ("https://h/r.git", "v1", "d", true, "")
    );
    // Its time is asked for, and its files get the time of their commit.
    let ((source, _), epoch, rounds) = main(&[("SOURCE_DATE_EPOCH", "context")], git()).unwrap();
    assert!(matches!(source, RemoteSource::Git { keep_git_dir: false, mtime, .. } if mtime == "commit"));
    assert_eq!((epoch, rounds), (Some(7), 1));
    let http = Context::Http { url: "https://h/x.tar".into(), archive: true };
    let ((source, step), ..) = main(&[], http).unwrap();
    assert!(matches!(source, RemoteSource::Http { filename, .. } if filename == "context"));
    assert_eq!(step, "[internal] load remote build context");
    let error = main(&[], Context::Git("https://h/x".into())).unwrap_err();
    assert_eq!(error.to_string(), "invalid git context https://h/x");
}

#[test]
fn source_date_epoch_may_be_the_time_of_a_context_or_a_repository() {
    let needs = |text: &str, contexts: &[(&str, &str)]| -> Vec<(Need, String)> {
        let dockerfile = parsed(text);
        let options = with_contexts(&[("SOURCE_DATE_EPOCH", "src"), ("V", "2")], contexts);
        match Planning::new(&dockerfile, &options, None).resume(&Facts::new()).unwrap() {
            PlanState::Need(needs) => {
                needs.iter().map(|(need, name)| (need.clone(), name.to_owned())).collect()
            }
            PlanState::Ready(_) => Vec::new(),
        }
    };
    let asked = needs("FROM scratch\n", &[("src", "https://h/r.git#v1")]);
    let [(Need::SourceTime { source: RemoteSource::Git { reference, .. } }, log_name)] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(reference, "v1");
    assert_eq!(log_name, "[internal] resolve SOURCE_DATE_EPOCH named context src");
    let text = "FROM scratch AS src\nARG V=1\nARG C=abcd\nADD --keep-git-dir --checksum=$C https://h/r.git#v$V:d /\n";
    let asked = needs(text, &[]);
    let [
        (Need::SourceTime { source: RemoteSource::Git { reference, subdir, checksum, keep_git_dir, .. } }, _),
    ] = &asked[..]
    else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (reference.as_str(), subdir.as_str(), checksum.as_str(), *keep_git_dir),
        ("v2", "d", "abcd", true)
    );
    // An image has to be looked at before it is known to have no time.
    let asked = needs("FROM scratch\n", &[("src", "docker-image://a")]);
    assert!(matches!(&asked[..], [(Need::Image { .. }, _)]), "{asked:?}");
}
