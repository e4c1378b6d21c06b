use super::*;
use crate::job::SpecialFiles;

fn read(value: &str) -> Output {
    parse(value).unwrap()
}

fn folder(path: &str, special_files: SpecialFiles) -> Destination {
    Destination::Folder(path.into(), special_files)
}

#[test]
fn short_forms_are_a_folder_and_standard_output() {
    assert_eq!(read("out"), read("type=local,dest=out"));
    assert_eq!(read("out").destination, folder("out", SpecialFiles::LeaveOut));
    assert_eq!(read("-"), read("type=tar"));
    assert_eq!((read("-").exporter, read("-").destination), (Exporter::new("tar"), Destination::Stdout));
}

#[test]
fn every_type_has_its_destination() {
    assert_eq!(read("type=tar").destination, Destination::Stdout);
    assert_eq!(read("type=oci,dest=a.tar").destination, Destination::File("a.tar".into()));
    assert_eq!(read("type=docker,dest=-").destination, Destination::Stdout);
    assert_eq!(read("type=local,dest=d").destination, folder("d", SpecialFiles::LeaveOut));
    assert!(read("type=registry,name=a").pushes());
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
fn attributes_are_passed_on() {
    let output = read("type=image,\"name=a,b\",compression=zstd");
    assert_eq!(output.names(), ["a", "b"]);
    assert_eq!(output.attrs["compression"], "zstd");
}

#[test]
fn tags_name_what_has_no_name() {
    let tags = ["x:1".to_owned(), "y:2".to_owned()];
    let named = |value| {
        let mut output = read(value);
        output.name_if_unnamed(&tags);
        output.names()
    };
    assert_eq!(named("type=image"), tags);
    assert_eq!(named("type=docker,dest=f,name=z"), ["z"]);
    assert_eq!(named("type=oci"), tags);
    assert!(named("type=local,dest=d").is_empty());
    assert!(named("type=tar").is_empty());
}

#[test]
fn faults_say_what_to_write() {
    let cases = [
        ("", "it is empty"),
        ("type=zip", "there is no type \"zip\"; use image, registry, local, tar, oci or docker"),
        ("type=cacheonly", "leave --output out to keep the result in the cache"),
        ("type=local", "dest=FOLDER is missing"),
        ("type=docker", "loading into docker is not supported yet; give dest=FILE"),
        ("dest=x,push=true", "type= is missing"),
        ("type=image,dest=x", "dest goes with local, tar, oci and docker"),
        ("type=tar,allow-special=true", "allow-special goes with local; archives hold everything"),
        ("type=local,dest=d,allow-special=yes", "allow-special is true or false"),
        ("type=oci,dest=x,tar=false", "tar=false is not supported yet; leave it out to get an archive"),
    ];
    for (value, fault) in cases {
        assert_eq!(parse(value).unwrap_err().to_string(), format!("--output {value:?}: {fault}"));
    }
}
