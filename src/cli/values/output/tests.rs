use super::*;
use crate::job::{OldFiles, OutputFolder, SpecialFiles};

fn read(value: &str) -> Output {
    parse(value).unwrap()
}

fn folder(path: &str, special_files: SpecialFiles) -> Destination {
    Destination::Folder(OutputFolder { special_files, ..OutputFolder::new(path) })
}

#[test]
fn short_forms_are_a_folder_and_standard_output() {
    assert_eq!(read("out"), read("type=local,dest=out"));
    assert_eq!(read("out").destination, folder("out", SpecialFiles::LeaveOut));
    assert_eq!(read("-"), read("type=tar"));
    assert_eq!((read("-").exporter, read("-").destination), (Exporter::new("tar"), Destination::Stdout));
    assert_eq!(read("dest=out"), read("type=local,dest=dest=out"));
    assert_eq!(read("TYPE=tar,DEST=f"), read("type=tar, dest=f"));
}

#[test]
fn every_type_has_its_destination() {
    assert_eq!(read("type=tar").destination, Destination::Stdout);
    assert_eq!(read("type=oci,dest=a.tar").destination, Destination::File("a.tar".into()));
    assert_eq!(read("type=docker,dest=-").destination, Destination::Stdout);
    assert_eq!(read("type=local,dest=d").destination, folder("d", SpecialFiles::LeaveOut));
    assert_eq!(read("type=oci,tar=false,dest=d").destination, Destination::Layout("d".into()));
    assert_eq!(read("type=oci,tar=1,dest=d").destination, Destination::File("d".into()));
    assert_eq!(read("type=docker").destination, Destination::Engine(None));
    assert_eq!(read("type=docker,dest=,context=c").destination, Destination::Engine(Some("c".to_owned())));
    assert_eq!(read("type=cacheonly").destination, Destination::Nowhere);
    assert!(read("type=registry,name=a").pushes());
    assert!(read("type=registry,name=a,push=false").pushes());
    assert!(!read("type=image,push=F").pushes());
    assert!(read("type=registry,push-by-digest=1").pushes_by_digest());
    assert!(read("type=registry,registry.insecure=true").is_insecure());
    assert!(read("type=image,push=true").pushes());
    assert!(!read("type=image").pushes());
}

#[test]
fn what_grants_rights_is_kept_only_where_asked_for() {
    let keeping = read("type=local,dest=d,allow-special=true");
    assert_eq!(keeping.destination, folder("d", SpecialFiles::Keep));
    assert!(keeping.attrs.is_empty(), "it is not the daemon's to know");
    for value in ["d", "type=local,dest=d", "type=local,dest=d,allow-special=false"] {
        assert_eq!(read(value).destination, folder("d", SpecialFiles::LeaveOut));
    }
}

#[test]
fn old_files_are_removed_where_asked_for() {
    let old_files = |value| match read(value).destination {
        Destination::Folder(folder) => folder.old_files,
        other => panic!("{other:?}"),
    };
    assert_eq!(old_files("type=local,dest=d,mode=delete"), OldFiles::Delete);
    assert_eq!(old_files("type=local,dest=d,mode= Delete"), OldFiles::Delete);
    assert_eq!(old_files("type=local,dest=d,mode=copy"), OldFiles::Keep);
    assert_eq!(read("type=local,dest=d,mode=delete").attrs["mode"], "delete", "buildkitd has to know");
}

#[test]
fn attributes_are_passed_on() {
    let output = read("type=image,\"name=a,b\",compression=zstd,nested.unknown=1");
    assert_eq!(output.names(), ["a", "b"]);
    assert_eq!(output.attrs["compression"], "zstd");
    assert_eq!(unknown_attributes(&output), ["nested.unknown"]);
}

#[test]
fn attributes_without_a_meaning_are_left_out() {
    for value in ["type=image,dest=x", "type=registry,dest=x"] {
        let output = read(value);
        assert_eq!(output.destination, Destination::Daemon);
        assert!(!output.attrs.contains_key("dest"));
    }
    let nowhere = read("type=cacheonly,dest=x,name=y");
    assert_eq!((nowhere.destination, nowhere.attrs.len()), (Destination::Nowhere, 0));
    assert_eq!(read("type=docker,dest=d.tar,context=x").destination, Destination::File("d.tar".into()));
}

#[test]
fn faults_say_what_to_write() {
    let cases = [
        ("", "it is empty"),
        ("type=zip", "there is no type \"zip\"; use image, registry, local, tar, oci, docker or cacheonly"),
        ("type=local", "dest=FOLDER is missing"),
        ("type=local,dest=-", "a folder does not go to standard output; write dest=FOLDER"),
        ("type=local,dest=d,mode=foo", "there is no mode \"foo\"; use copy or delete"),
        (
            "type=docker,tar=0,dest=d",
            "docker has archives only; type=oci,tar=false,dest=FOLDER writes a folder",
        ),
        ("type=oci,tar=false", "dest=FOLDER is missing"),
        ("dest=x,push=true", "type= is missing"),
        ("type=", "type= is missing"),
        ("\"x\"", "\"x\" is not of the form key=value"),
        ("type=local,foo", "\"foo\" is not of the form key=value"),
        (
            "Type=Local,dest=x",
            "there is no type \"Local\"; use image, registry, local, tar, oci, docker or cacheonly",
        ),
        ("type=image,push=yes", "push=yes is no boolean; write push=true or push=false"),
        ("type=tar,allow-special=true", "allow-special goes with local; archives hold everything"),
        ("type=local,dest=d,allow-special=yes", "allow-special is true or false"),
    ];
    for (value, fault) in cases {
        assert_eq!(parse(value).unwrap_err().to_string(), format!("--output {value:?}: {fault}"));
    }
}
