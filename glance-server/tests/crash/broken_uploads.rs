//! Uploads that never come to their end, and those that were acknowledged.

use crate::client::{Client, Upload};
use crate::random::Random;
use crate::server::DataFolder;

const LENGTH: usize = 3 << 20;

/// Offsets worth stopping at, and some nobody thought of.
fn offsets(random: &mut Random) -> Vec<usize> {
    let mut offsets = vec![0, 1, 65_536, 1 << 20, LENGTH - 1];
    offsets.extend((0..3).map(|_| random.below(LENGTH)));
    offsets
}

/// An upload of each image that has got as far as the offset beside it.
fn begin_all(client: Client, data: &[u8], offsets: &[usize]) -> Vec<(String, Upload)> {
    let begin = |offset: &usize| {
        let id = client.create();
        let upload = client.begin_upload(&id, data.len()).unwrap().and(&data[..*offset]).unwrap();
        client.becomes(&id, "saving");
        (id, upload)
    };
    offsets.iter().map(begin).collect()
}

fn can_be_uploaded_again(client: Client, folder: &DataFolder, ids: &[String], data: &[u8]) {
    for id in ids {
        client.becomes(id, "queued");
    }
    folder.holds_only([]);
    for id in ids {
        assert_eq!(client.upload(id, data).unwrap(), 204);
        assert!(client.download(id) == data);
    }
    folder.holds_only(ids.iter().map(String::as_str));
}

#[test]
fn an_upload_killed_at_any_byte_leaves_nothing_and_can_be_repeated() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    let data = random.bytes(LENGTH);
    let server = folder.serve();
    let begun = begin_all(server.client(), &data, &offsets(&mut random));
    server.kill();
    let ids: Vec<String> = begun.into_iter().map(|(id, _)| id).collect();
    let server = folder.serve();
    can_be_uploaded_again(server.client(), &folder, &ids, &data);
}

#[test]
fn a_client_that_goes_away_at_any_byte_leaves_nothing() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    let data = random.bytes(LENGTH);
    let server = folder.serve();
    let begun = begin_all(server.client(), &data, &offsets(&mut random));
    let ids: Vec<String> = begun.into_iter().map(|(id, upload)| (drop(upload), id).1).collect();
    can_be_uploaded_again(server.client(), &folder, &ids, &data);
}

#[test]
fn an_upload_killed_behind_its_last_byte_is_whole_or_nothing() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    let mut server = folder.serve();
    let mut whole = Vec::new();
    for _ in 0..12 {
        let client = server.client();
        let (id, length) = (client.create(), 1 + random.below(LENGTH));
        let data = random.bytes(length);
        let upload = client.begin_upload(&id, data.len()).unwrap().and(&data).unwrap();
        // Somewhere between the last byte and the acknowledgement, which nobody waits for.
        std::thread::sleep(std::time::Duration::from_micros(random.below(20_000) as u64));
        server.kill();
        drop(upload);
        server = folder.serve();
        let client = server.client();
        match client.settled(&id).as_deref() {
            Some("active") => {}
            Some("queued") => assert_eq!(client.upload(&id, &data).unwrap(), 204),
            other => panic!("image {id} is {other:?}"),
        }
        assert!(client.download(&id) == data);
        whole.push(id);
        folder.holds_only(whole.iter().map(String::as_str));
    }
}

#[test]
fn an_acknowledged_upload_survives() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    let data = random.bytes(LENGTH);
    for data in [&data[..], &[]] {
        let server = folder.serve();
        let id = server.client().create();
        assert_eq!(server.client().upload(&id, data).unwrap(), 204);
        server.kill();
        let server = folder.serve();
        assert_eq!(server.client().status(&id).as_deref(), Some("active"));
        assert!(server.client().download(&id) == data);
    }
}
