use super::*;

fn origin() -> Origin {
    Origin::Variable("TEST_AUTH".into())
}

fn config(json: &str) -> Credentials {
    Credentials::from_docker_config(json, &origin()).unwrap()
}

fn password_of(store: &Credentials, host: &str) -> Option<(String, String)> {
    match &store.stored(&Host::parse(host).unwrap())?.login {
        Login::Password { username, password } => Some((username.clone(), password.expose().to_owned())),
        other => panic!("not a password: {other:?}"),
    }
}

#[test]
fn finds_a_host_under_every_spelling_of_its_key() {
    let pair = Some(("u".to_owned(), "p:w".to_owned()));
    for (key, host) in [
        ("ghcr.io", "ghcr.io"),
        ("GHCR.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("http://ghcr.io/", "ghcr.io"),
        ("https://ghcr.io/v2/", "ghcr.io"),
        ("ghcr.io:443", "ghcr.io"),
        ("ghcr.io/org", "ghcr.io"),
        ("r.example:5000", "r.example:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("index.docker.io", "registry-1.docker.io"),
        ("docker.io", "registry-1.docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ] {
        let store = config(&format!(r#"{{"auths":{{"{key}":{{"auth":"dTpwOnc="}}}}}}"#));
        assert_eq!(password_of(&store, host), pair, "{key} for {host}");
        assert!(!store.lists(&Host::parse("other.example").unwrap()));
    }
}

#[test]
fn a_port_is_part_of_the_host() {
    let store = config(r#"{"auths":{"r.example:5000":{"username":"u","password":"p"}}}"#);
    assert_eq!(password_of(&store, "r.example"), None);
    assert_eq!(password_of(&store, "r.example:5001"), None);
}

#[test]
fn the_most_exact_key_wins() {
    let store = config(
        r#"{"auths":{
            "a.example":{"username":"exact","password":"p"},
            "https://a.example":{"username":"scheme","password":"p"},
            "a.example/x":{"username":"path","password":"p"},
            "docker.io/x":{"username":"path","password":"p"},
            "https://index.docker.io/v1/":{"username":"hub","password":"p"}}}"#,
    );
    assert_eq!(password_of(&store, "a.example").unwrap().0, "exact");
    assert_eq!(password_of(&store, "docker.io").unwrap().0, "hub");
}

#[test]
fn a_key_is_as_exact_as_it_adds_nothing_to_the_host() {
    for (key, want) in [
        ("a.example", KeyRank::Exact),
        ("a.example:5000", KeyRank::Exact),
        ("https://a.example", KeyRank::Scheme),
        ("https://a.example/", KeyRank::Scheme),
        ("https://a.example/v1/", KeyRank::Path),
        ("a.example/v2", KeyRank::Path),
        ("https://index.docker.io/v1/", KeyRank::Exact),
        ("https://index.docker.io/v1", KeyRank::Exact),
        ("https://index.docker.io/v2/", KeyRank::Path),
        ("docker.io", KeyRank::Exact),
    ] {
        assert_eq!(parse_key(key).map(|(_, rank)| rank), Some(want), "{key}");
    }
    for key in ["ftp://a.example", "https://", "a b"] {
        assert_eq!(parse_key(key), None, "{key}");
    }
}

#[test]
fn reads_tokens_and_skips_empty_entries() {
    let store = config(
        r#"{"auths":{
            "empty.example":{},
            "id.example":{"auth":"MDAwMDo=","identitytoken":"idt"},
            "reg.example":{"registrytoken":"rt"}}}"#,
    );
    assert!(!store.lists(&Host::parse("empty.example").unwrap()));
    let id = store.stored(&Host::parse("id.example").unwrap()).unwrap();
    assert!(
        matches!(&id.login, Login::IdentityToken { username, token } if username == "0000" && token.expose() == "idt")
    );
    let reg = store.stored(&Host::parse("reg.example").unwrap()).unwrap();
    assert!(matches!(&reg.login, Login::RegistryToken(token) if token.expose() == "rt"));
    assert_eq!(reg.origin, origin());
}

#[test]
fn the_auth_map_takes_both_forms_and_may_be_empty() {
    let json = r#"{"a.example":{"username":"u","password":"p"},"b.example":{"auth":"dTpw"}}"#;
    let store = Credentials::from_auth_map(json, &origin()).unwrap();
    let pair = Some(("u".to_owned(), "p".to_owned()));
    assert_eq!(password_of(&store, "a.example"), pair);
    assert_eq!(password_of(&store, "b.example"), pair);
    assert!(Credentials::from_auth_map(" ", &origin()).unwrap().is_empty());
}

#[test]
fn the_ecr_key_serves_every_private_ecr_registry_and_nothing_else() {
    let key = ECR_WILDCARD;
    let store = config(&format!(
        r#"{{"auths":{{"{key}":{{"auth":"QVdTOnRva2Vu"}},
            "111111111111.dkr.ecr.us-east-1.amazonaws.com":{{"username":"own","password":"p"}}}}}}"#
    ));
    let user = |host: &str| password_of(&store, host).map(|(user, _)| user);
    assert_eq!(user("123456789012.dkr.ecr.eu-west-1.amazonaws.com").as_deref(), Some("AWS"));
    assert_eq!(user("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn").as_deref(), Some("AWS"));
    assert_eq!(user("111111111111.dkr.ecr.us-east-1.amazonaws.com").as_deref(), Some("own"));
    assert_eq!(user("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example"), None);
    assert_eq!(user("docker.io"), None);
}

#[test]
fn malformed_credentials_are_refused_without_being_repeated() {
    for json in [
        r#"{"auths":{"a.example":{"auth":"hunter2!!"}}}"#,
        r#"{"auths":{"a.example":{"auth":"aHVudGVyMg=="}}}"#,
        r#"{"auths":{"hunter2 @":{"auth":"dTpw"}}}"#,
        r#"{"auths":{"a.example":{"password":["hunter2"]}}}"#,
        r#"{"auths":"hunter2"}"#,
        r#"{"auths":{"a.example":{"auth":"hunter2"#,
        "hunter2",
    ] {
        let error = Credentials::from_docker_config(json, &origin()).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("TEST_AUTH"), "{text}");
    }
}

#[test]
fn the_first_of_two_stores_wins() {
    let first = config(r#"{"auths":{"a.example":{"username":"first","password":"p"}}}"#);
    let second = config(
        r#"{"auths":{"a.example":{"username":"second","password":"p"},"b.example":{"username":"b","password":"p"}}}"#,
    );
    let both = first.or(second);
    assert_eq!(password_of(&both, "a.example").unwrap().0, "first");
    assert_eq!(password_of(&both, "b.example").unwrap().0, "b");
}
