//! Build arguments, those among them that mean something to the build itself.

use super::*;

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
