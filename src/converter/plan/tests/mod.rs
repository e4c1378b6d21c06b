mod arguments;
mod contexts;

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

fn with_contexts(args: &[(&str, &str)], contexts: &[(&str, &str)]) -> Options {
    let named_contexts = contexts.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Options { named_contexts, ..with_args(args) }
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
fn variables_in_copy_from_are_refused() {
    let (error, line) = refused("FROM scratch\nCOPY --from=$X a b\n", &options(|_| {}));
    assert!(error.starts_with("variable expansion is not supported for --from"), "{error}");
    assert_eq!(line, None);
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
