//! The main context and named ones.

use super::*;

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
