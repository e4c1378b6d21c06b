//! Stages and their names.

use super::*;

#[test]
fn stages_have_names_and_platforms() {
    let dockerfile = parsed("ARG A=1 B\nFROM --platform=$P x:$A As Build\nfrom scratch");
    let [build, last] = dockerfile.stages.as_slice() else { panic!() };
    assert_eq!(
        (build.name.as_str(), build.base_name.as_str(), build.platform.as_str()),
        ("build", "x:$A", "$P")
    );
    assert_eq!(build.head.code, "FROM --platform=$P x:$A As Build");
    assert_eq!((last.name.as_str(), last.head.keyword()), ("", "from"));
    let pairs = &dockerfile.meta_args[0].arg.pairs;
    assert_eq!(pairs[0].value.as_deref(), Some("1"));
    assert_eq!((pairs[1].key.as_str(), &pairs[1].value), ("B", &None));
}

#[test]
fn only_args_may_stand_before_the_first_stage() {
    assert_eq!(error_lines("ARG A\nENV A=b\nFROM x"), (2, 2));
    assert_eq!(parsed("ARG A\nFROM x\nARG B").stages[0].instructions.len(), 1);
}

#[test]
fn stage_names_are_checked() {
    for name in ["1a", "_a", "a b", "a/b", "ä", "-"] {
        let error = error(format!("FROM x AS {name}"));
        assert_eq!(error.span, Some(Span::line(1)), "{name}");
    }
    assert_eq!(parsed("FROM x AS a-b_c.d1").stages[0].name, "a-b_c.d1");
    for from in ["FROM", "FROM x y", "FROM x is y", "FROM --unknown=x x"] {
        assert_eq!(error_lines(from), (1, 1), "{from}");
    }
}
