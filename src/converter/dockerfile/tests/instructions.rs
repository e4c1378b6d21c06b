//! What instructions and their flags take.

use super::*;

#[test]
fn keywords_have_no_case_and_unknown_ones_a_suggestion() {
    assert_eq!(only("rUn a").head.keyword(), "rUn");
    let unknown = kind("COPPY a b");
    assert_eq!(unknown.to_string(), "unknown instruction: COPPY (did you mean COPY?)");
    assert_eq!(kind("SOMETHING").to_string(), "unknown instruction: SOMETHING");
}

#[test]
fn commands_are_shell_text_or_json_arrays() {
    let line = run("RUN  echo  a  ").line;
    assert_eq!((line.args, line.form), (vec!["echo  a".to_owned()], Form::Shell));
    let line = run("RUN [\"a\", \"b c\"]").line;
    assert_eq!((line.args, line.form), (vec!["a".to_owned(), "b c".to_owned()], Form::Exec));
    assert_eq!(run("RUN [ -f x ]").line.form, Form::Shell);
    assert_eq!(run("RUN").line.args, [""; 0]);
    assert_eq!(kind("CMD [1]"), ErrorKind::NotStringArray);
    assert!(matches!(only("ENTRYPOINT []").kind, Kind::Entrypoint(line) if line.args.is_empty()));
}

#[test]
fn env_and_label_take_pairs_or_the_legacy_form() {
    let Kind::Env(env) = only(r#"ENV a=b c="d e" f=g\ h"#).kind else { panic!() };
    let values: Vec<_> = env.pairs.iter().map(|pair| (pair.key.as_str(), pair.value.as_str())).collect();
    assert_eq!(values, [("a", "b"), ("c", "\"d e\""), ("f", "g\\ h")]);
    let Kind::Label(label) = only("LABEL a b=c d").kind else { panic!() };
    assert_eq!((label.pairs[0].value.as_str(), label.pairs[0].legacy), ("b=c d", true));
    assert!(matches!(kind("ENV"), ErrorKind::AtLeastOneArgument { .. }));
    assert!(matches!(kind("ENV a"), ErrorKind::MissingValue { .. }));
    assert!(matches!(kind("ENV a=b c"), ErrorKind::MissingEquals { .. }));
    assert!(matches!(kind("ENV =b"), ErrorKind::BlankName { .. }));
    assert!(matches!(kind("ARG =b"), ErrorKind::BlankName { .. }));
    assert!(matches!(kind("ARG"), ErrorKind::AtLeastOneArgument { .. }));
}

#[test]
fn arguments_keep_their_quotes() {
    let Kind::Arg(arg) = only("ARG A=\"x y\" B").kind else { panic!() };
    assert_eq!(arg.pairs[0].value.as_deref(), Some("\"x y\""));
}

#[test]
fn instructions_with_one_argument_take_the_rest_of_the_line() {
    assert!(matches!(only("WORKDIR /a b").kind, Kind::Workdir(Workdir { path }) if path == "/a b"));
    assert!(matches!(only("USER a:b").kind, Kind::User(User { user }) if user == "a:b"));
    assert!(
        matches!(only("MAINTAINER a <b>").kind, Kind::Maintainer(Maintainer { name }) if name == "a <b>")
    );
    assert!(
        matches!(only("STOPSIGNAL --x 9").kind, Kind::StopSignal(StopSignal { signal }) if signal == "9")
    );
    for keyword in ["WORKDIR", "USER", "MAINTAINER", "STOPSIGNAL"] {
        assert!(matches!(kind(keyword), ErrorKind::ExactlyOneArgument { .. }), "{keyword}");
    }
}

#[test]
fn ports_are_sorted_and_volumes_trimmed() {
    assert!(
        matches!(only("EXPOSE 9 80 1/udp").kind, Kind::Expose(Expose { ports }) if ports == ["1/udp", "80", "9"])
    );
    assert!(matches!(only("VOLUME [\" /a \"]").kind, Kind::Volume(Volume { paths }) if paths == ["/a"]));
    assert!(matches!(only("VOLUME /a /b").kind, Kind::Volume(Volume { paths }) if paths == ["/a", "/b"]));
    assert_eq!(kind("VOLUME [\" \"]"), ErrorKind::EmptyVolume);
    assert!(matches!(kind("VOLUME []"), ErrorKind::AtLeastOneArgument { .. }));
    assert!(matches!(kind("EXPOSE"), ErrorKind::AtLeastOneArgument { .. }));
}

#[test]
fn shell_takes_a_json_array() {
    assert!(matches!(only("SHELL [\"a\"]").kind, Kind::Shell(Shell { shell }) if shell == ["a"]));
    assert_eq!(kind("SHELL a"), ErrorKind::ShellNotJson);
    assert!(matches!(kind("SHELL []"), ErrorKind::AtLeastOneArgument { .. }));
}

#[test]
fn health_checks_have_durations_and_retries() {
    let text = "HEALTHCHECK --interval=+1m30s --timeout=.5s --start-period=2h --start-interval=1500us --retries=+3 CMD a b";
    let Kind::Healthcheck(check) = only(text).kind else { panic!() };
    let expected = Healthcheck {
        test: vec!["CMD-SHELL".to_owned(), "a b".to_owned()],
        interval_ns: 90_000_000_000,
        timeout_ns: 500_000_000,
        start_period_ns: 7_200_000_000_000,
        start_interval_ns: 1_500_000,
        retries: 3,
    };
    assert_eq!(check, expected);
    assert!(matches!(only("HEALTHCHECK cmd [\"a\"]").kind, Kind::Healthcheck(h) if h.test == ["CMD", "a"]));
    assert!(matches!(only("HEALTHCHECK --x none").kind, Kind::Healthcheck(h) if h.test == ["NONE"]));
}

#[test]
fn health_checks_that_make_no_sense_are_refused() {
    assert!(matches!(kind("HEALTHCHECK"), ErrorKind::AtLeastOneArgument { .. }));
    assert_eq!(kind("HEALTHCHECK NONE x"), ErrorKind::HealthcheckNoneArguments);
    assert_eq!(kind("HEALTHCHECK CMD"), ErrorKind::HealthcheckNoCommand);
    assert!(matches!(kind("HEALTHCHECK a b"), ErrorKind::HealthcheckType { .. }));
    for interval in ["1", "s", "1x", ".s", "1s2", "9999999h", "99999999999999999999s", "-"] {
        let kind = kind(&format!("HEALTHCHECK --interval={interval} CMD a"));
        assert!(matches!(kind, ErrorKind::InvalidDuration { .. }), "{interval}");
    }
    for timeout in ["1us", "-5s", "999999ns"] {
        let kind = kind(&format!("HEALTHCHECK --timeout={timeout} CMD a"));
        assert!(matches!(kind, ErrorKind::DurationTooShort { .. }), "{timeout}");
    }
    assert!(matches!(only("HEALTHCHECK --timeout=-0 CMD a").kind, Kind::Healthcheck(h) if h.timeout_ns == 0));
    for retries in ["-1", "x", "1.5", "2147483648"] {
        let kind = kind(&format!("HEALTHCHECK --retries={retries} CMD a"));
        assert!(matches!(kind, ErrorKind::InvalidRetries { .. }), "{retries}");
    }
}

#[test]
fn triggers_are_kept_as_text() {
    let expression = |text| match only(text).kind {
        Kind::Onbuild(onbuild) => onbuild.expression,
        other => panic!("{other:?}"),
    };
    assert_eq!(expression("onBuild  RUN  a \\\n b"), "RUN  a  b");
    assert_eq!(expression("ONBUILD COPY <<A <<B /\na\nA\nB\n"), "COPY <<A <<B /\na\nA\nB");
    assert_eq!(expression("ONBUILD ANYTHING x"), "ANYTHING x");
    assert!(matches!(kind("ONBUILD"), ErrorKind::AtLeastOneArgument { .. }));
    assert_eq!(kind("ONBUILD ONBUILD RUN a"), ErrorKind::ChainedOnbuild);
    assert!(matches!(kind("ONBUILD from x"), ErrorKind::ForbiddenTrigger { trigger } if trigger == "FROM"));
    assert!(matches!(kind("ONBUILD --x RUN a"), ErrorKind::UnknownFlag { .. }));
    assert_eq!(kind("ONBUILD CMD [1]"), ErrorKind::NotStringArray);
}

#[test]
fn a_trigger_is_parsed_at_the_place_of_its_image() {
    let span = Span::new(4, 5);
    let trigger = parse_trigger("COPY <<A /x\na\nA", span).unwrap();
    assert_eq!(trigger.head.span, span);
    assert!(matches!(trigger.kind, Kind::Copy(copy) if copy.files.contents[0].data == b"a\n"));
    for text in ["", "RUN a\nRUN b", "FROM x", "BAD", "ENV a", "COPY <<A /"] {
        assert_eq!(parse_trigger(text, span).unwrap_err().span, Some(span), "{text}");
    }
    assert!(matches!(parse_trigger("MAINTAINER x", span).unwrap().kind, Kind::Maintainer(_)));
}

#[test]
fn flags_are_checked_by_name_type_and_count() {
    assert_eq!(kind("COPY --form=x a b").to_string(), "unknown flag: --form (did you mean --from?)");
    assert!(
        matches!(kind("COPY --from=x --from=y a b"), ErrorKind::DuplicateFlag { name } if name == "from")
    );
    assert!(matches!(kind("COPY --from a b"), ErrorKind::MissingFlagValue { name } if name == "from"));
    assert!(matches!(kind("COPY --link= a b"), ErrorKind::MissingFlagValue { .. }));
    assert!(matches!(kind("COPY --link=1 a b"), ErrorKind::NotBoolean { .. }));
    assert!(matches!(kind("ENV --x a=b"), ErrorKind::UnknownFlag { .. }));
    let flags = copy("COPY --link=TRUE --parents --exclude=a --exclude=b --from= --chmod=u=rw c d");
    assert!(flags.link && flags.parents && flags.from.is_empty());
    assert_eq!((flags.exclude, flags.chmod), (vec!["a".to_owned(), "b".to_owned()], "u=rw".to_owned()));
    let Kind::Add(add) = only("ADD --keep-git-dir=false --checksum=x --unpack a b").kind else { panic!() };
    assert_eq!((add.keep_git_dir, add.unpack, add.checksum.as_str()), (Some(false), Some(true), "x"));
}

#[test]
fn flag_values_are_read_byte_by_byte() {
    assert_eq!(copy("COPY --chown=é a b").chown, "Ã©");
    // The second byte of `à` is white space in Latin-1.
    let copy = copy("COPY --chown=àb a b");
    assert_eq!(
        (copy.chown.as_str(), copy.files.paths.as_slice()),
        ("Ã", &["b".to_owned(), "a".to_owned()][..])
    );
}

#[test]
fn run_has_network_security_and_devices() {
    let run =
        run("RUN --network=host --security=insecure --device=a,required --mount=type=tmpfs,target=/x b");
    assert_eq!((run.network, run.security), (NetworkMode::Host, SecurityMode::Insecure));
    assert_eq!(run.devices, [Device { name: "a".to_owned(), required: true }]);
    assert!(matches!(kind("RUN --network=x a"), ErrorKind::InvalidNetwork { .. }));
    assert!(matches!(kind("RUN --security= a"), ErrorKind::InvalidSecurity { .. }));
    assert!(matches!(kind("RUN --device= a"), ErrorKind::Device(MountError::Empty)));
}
