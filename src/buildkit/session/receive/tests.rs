use std::cell::RefCell;
use std::path::Path;

use super::*;
use crate::buildkit::session::filesync::mode;

fn stat(path: &str, mode: u32) -> Stat {
    Stat { path: path.into(), mode, ..Stat::default() }
}

fn file(path: &str, size: i64) -> Packet {
    Packet::stat(Some(Stat { size, ..stat(path, 0o644) }))
}

fn folder(path: &str) -> Packet {
    Packet::stat(Some(stat(path, mode::DIR | 0o755)))
}

fn data(id: u32, text: &'static str) -> Packet {
    Packet::data(id, Bytes::from_static(text.as_bytes()))
}

/// Receives what a daemon sends, whatever is answered; returns how it ended and what was answered.
fn drive(dest: &Path, messages: Vec<Bytes>) -> (Result<(), ReceiveError>, Vec<Packet>) {
    let (sender, queue) = mpsc::channel(messages.len().max(1));
    for message in messages {
        sender.try_send(Ok(message)).unwrap();
    }
    drop(sender);
    let answers = RefCell::new(Vec::new());
    let ended = receive(dest.to_owned().into(), queue, &|packet| answers.borrow_mut().push(packet.clone()));
    (ended, answers.into_inner())
}

fn send(dest: &Path, packets: &[Packet]) -> (Result<(), ReceiveError>, Vec<Packet>) {
    drive(dest, packets.iter().map(|packet| packet.encode_to_vec().into()).collect())
}

/// What the refusal of `packets` says; nothing is written but what lies in the folder.
fn refusal(packets: &[Packet]) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("out")).unwrap();
    let (ended, _) = send(&dir.path().join("out"), packets);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    ended.unwrap_err().to_string()
}

#[test]
fn a_tree_arrives_and_both_sides_say_that_they_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let (ended, answers) = send(
        dir.path(),
        &[
            folder("d"),
            file("d/a", 2),
            file("d/b", 3),
            file("e", 0),
            Packet::stat(None),
            data(2, "on"),
            data(1, "ab"),
            data(1, ""),
            data(2, "e"),
            data(2, ""),
            data(3, ""),
            Packet::fin(),
        ],
    );
    ended.unwrap();
    assert_eq!(answers, [Packet::request(1), Packet::request(2), Packet::request(3), Packet::fin()]);
    assert_eq!(std::fs::read(dir.path().join("d/a")).unwrap(), b"ab");
    assert_eq!(std::fs::read(dir.path().join("d/b")).unwrap(), b"one");
    assert_eq!(std::fs::read(dir.path().join("e")).unwrap(), b"");
}

#[test]
fn a_name_listed_as_file_and_again_as_device_is_not_written() {
    let device = Stat { devmajor: 1, devminor: 3, ..stat("f", mode::DEVICE | mode::CHAR_DEVICE | 0o666) };
    let pipe = stat("f", mode::NAMED_PIPE | 0o666);
    for again in [device, pipe] {
        let packets = [file("f", 5), Packet::stat(Some(again)), Packet::stat(None), data(0, "evil!")];
        let text = refusal(&packets);
        assert_eq!(text, "the export lists \"f\" after \"f\": each name comes once, in ascending order");
    }
}

#[test]
fn a_listing_that_repeats_itself_is_refused_where_it_does() {
    let text = refusal(&[folder("d"), folder("d")]);
    assert!(text.contains("lists \"d\" after \"d\""), "{text}");
    let text = refusal(&[file("f", 0), file("f/x", 0)]);
    assert!(text.contains("lists \"f/x\", but not the folder"), "{text}");
    let text = refusal(&[Packet::stat(None), file("f", 0)]);
    assert!(text.contains("after the end of the listing"), "{text}");
}

#[test]
fn content_that_nobody_asked_for_is_refused() {
    for packets in [
        &[data(0, "x")][..],
        &[folder("d"), data(0, "x")],
        &[file("f", 1), data(1, "x")],
        &[file("f", 1), data(0, "x"), data(0, ""), data(0, "x")],
    ] {
        let text = refusal(packets);
        assert!(text.contains("was not asked for or is complete"), "{text}");
    }
    assert!(refusal(&[file("f", 1), data(0, "xy")]).contains("has 1 bytes, but 2 came"));
}

#[test]
fn an_end_before_everything_is_there_is_no_success() {
    for packets in [&[][..], &[Packet::fin()], &[file("f", 1), Packet::stat(None), Packet::fin()]] {
        assert_eq!(refusal(packets), "the transfer ended early");
    }
}

#[test]
fn files_that_come_at_once_are_few() {
    let names: Vec<String> = (0..=MAX_OPEN_FILES).map(|number| format!("f{number:03}")).collect();
    let mut packets: Vec<_> = names.iter().map(|name| file(name, 1)).collect();
    packets.extend((0..).take(names.len()).map(|id| data(id, "x")));
    assert!(refusal(&packets).contains("more than 64 files come at once"));
}

#[test]
fn files_are_asked_for_a_few_thousand_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let count = MAX_REQUESTS + 100;
    let mut packets: Vec<_> = (0..count).map(|number| file(&format!("f{number:05}"), 0)).collect();
    let (_, answers) = send(dir.path(), &packets);
    assert_eq!(answers.len(), MAX_REQUESTS);
    packets.push(Packet::stat(None));
    packets.extend((0..).take(count).map(|id| data(id, "")));
    packets.push(Packet::fin());
    let (ended, answers) = send(dir.path(), &packets);
    ended.unwrap();
    assert_eq!(answers.len(), count + 1);
}

#[test]
fn files_that_are_listed_without_end_do_not_fill_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    // Long attributes in place of a million files.
    let entry = |number: u32| {
        let xattrs = [("user.x".to_owned(), vec![0; 60 << 10])].into();
        Packet::stat(Some(Stat { xattrs, ..stat(&format!("f{number:05}"), 0o644) }))
    };
    let (sender, queue) = mpsc::channel(1);
    std::thread::spawn(move || {
        for number in 0.. {
            if sender.blocking_send(Ok(entry(number).encode_to_vec().into())).is_err() {
                return;
            }
        }
    });
    let error = receive(dir.path().to_owned().into(), queue, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("too many files at once"), "{error}");
    assert!(std::fs::read_dir(dir.path()).unwrap().count() < 1200);
}

#[test]
fn fuzz_packets_write_nothing_outside_of_the_folder() {
    // In memory, where it can be.
    let parent = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let victim = parent.path().join("victim");
    std::fs::write(&victim, "theirs").unwrap();
    let stream = |packets: &[Packet]| {
        let mut bytes = Vec::new();
        for packet in packets {
            packet.encode_length_delimited(&mut bytes).unwrap();
        }
        bytes
    };
    let link = |path: &str, target: &str, mode| {
        Packet::stat(Some(Stat { linkname: target.into(), ..stat(path, mode) }))
    };
    let seeds = [
        stream(&[folder("d"), file("d/a", 2), Packet::stat(None), data(1, "ab"), data(1, ""), Packet::fin()]),
        stream(&[file("a", 1), link("b", "a", 0o644), data(0, "x"), data(0, ""), Packet::stat(None)]),
        stream(&[link("l", "..", mode::SYMLINK | 0o777), file("l/victim", 1), data(1, "x")]),
        stream(&[file("../victim", 1), data(0, "x"), data(0, "")]),
        stream(&[Packet::stat(Some(stat("p", mode::NAMED_PIPE | 0o777))), Packet::error("no")]),
    ];
    let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
    crate::fuzz::run(&seeds, |bytes| {
        let out = parent.path().join("out");
        let mut rest = bytes;
        let mut messages = Vec::new();
        while let Ok(length) = prost::decode_length_delimiter(rest) {
            let start = prost::length_delimiter_len(length);
            let Some(message) = rest.get(start..start.saturating_add(length)) else { break };
            messages.push(Bytes::copy_from_slice(message));
            rest = &rest[start + length..];
        }
        let _ = drive(&out, messages);
        let entries = std::fs::read_dir(parent.path()).unwrap().count();
        assert_eq!((entries, std::fs::read(&victim).unwrap().as_slice()), (2, b"theirs".as_slice()));
        std::fs::remove_dir_all(&out).unwrap();
    });
}
