use super::*;

/// Resolves a mount with `$V` standing for `v`.
fn resolve(text: &str) -> Result<Mount, MountError> {
    MountSpec::parse(text)?.resolve(&mut |word| Ok(word.replace("$V", "v")))
}

fn mount(text: &str) -> Mount {
    resolve(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_option_has_its_field() {
    let cache = mount("type=cache,id=a,sharing=LOCKED,dst=/x,from=b,src=/y,mode=0700,uid=1,gid=2");
    let expected = Mount {
        mount_type: MountType::Cache,
        id: "a".to_owned(),
        sharing: Some(Sharing::Locked),
        target: "/x".to_owned(),
        from: "b".to_owned(),
        source: "/y".to_owned(),
        mode: Some(0o700),
        uid: Some(1),
        gid: Some(2),
        ..Mount::default()
    };
    assert_eq!(cache, expected);
    assert_eq!(mount("type=tmpfs,size=1k,target=/x").size_limit, 1024);
}

#[test]
fn a_variable_name_may_follow_env() {
    assert_eq!(mount("type=secret,id=a,env=X").env.as_deref(), Some("X"));
    assert_eq!(mount("type=secret,id=a,env=").env.as_deref(), Some(""));
}

#[test]
fn values_are_expanded_but_not_keys() {
    assert_eq!(mount("target=/$V/$V").target, "/v/v");
    assert!(resolve("$V=x").is_err());
}

#[test]
fn read_only_depends_on_the_type_unless_given() {
    for (text, read_only) in [
        ("target=/x", true),
        ("type=cache,target=/x", false),
        ("type=tmpfs,target=/x", false),
        ("type=ssh", true),
        ("target=/x,rw", false),
        ("target=/x,readwrite=false", true),
        ("type=cache,target=/x,ro", true),
        ("target=/x,readonly=0", false),
        ("target=/x,ro,rw", false),
    ] {
        assert_eq!(mount(text).read_only, read_only, "{text}");
    }
}

#[test]
fn the_type_must_come_before_what_it_allows() {
    assert!(resolve("type=tmpfs,size=1k").is_ok());
    assert!(matches!(resolve("size=1k,type=tmpfs"), Err(MountError::NotForType { .. })));
    assert!(matches!(resolve("required,type=secret,id=a"), Err(MountError::NotForType { .. })));
    assert!(mount("type=ssh,required").required);
    assert!(!mount("type=ssh,required=f").required);
    // What is checked at the end does not mind the order.
    assert!(resolve("uid=1,type=cache,target=/x").is_ok());
}

#[test]
fn only_from_is_read_before_expansion() {
    let spec = MountSpec::parse("type=$T,FROM=a,from=b,anything,x=y").unwrap();
    assert_eq!(spec.from, "b");
    assert_eq!(MountSpec::parse("from=$V"), Err(MountError::VariableInFrom));
    assert_eq!(MountSpec::parse("from=a$").unwrap().from, "a$");
    assert_eq!(MountSpec::parse(""), Err(MountError::Empty));
}

#[test]
fn mistakes_are_named_with_a_suggestion() {
    for (text, message) in [
        ("type=cahce", "unsupported type \"cahce\" (did you mean cache?)"),
        ("targte=/x", "unknown option \"targte\" (did you mean target?)"),
        ("type=cache,sharing=lock", "unsupported sharing \"lock\" (did you mean locked?)"),
        ("target", "\"target\" must be key=value"),
        ("ro=x", "invalid value \"x\" of ro"),
        ("type=cache,mode=8", "invalid value \"8\" of mode"),
        ("type=tmpfs,size=x", "invalid value \"x\" of size"),
        ("target=/x,uid=1", "option uid is not for mounts of type bind"),
        ("target=/x,sharing=shared", "option sharing is not for mounts of type bind"),
        ("type=secret", "a secret needs an id, source or target"),
        ("type=secret,id=a,source=b", "a secret takes either a source or an id"),
        ("type=secret,id=a,from=b", "option from is not for mounts of type secret"),
        ("a\"b", "misplaced quote in \"a\\\"b\""),
    ] {
        assert_eq!(resolve(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn numbers_are_digits_only() {
    assert_eq!(parse_u32("0755", 8), Some(0o755));
    assert_eq!(parse_u32("4294967295", 10), Some(u32::MAX));
    for text in ["", "+1", "-1", "8", "1_0"] {
        assert_eq!(parse_u32(text, 8), None, "{text}");
    }
    assert_eq!(parse_u32("4294967296", 10), None);
}
