//! Being told to stop, with transfers under way.

use crate::random::Random;
use crate::server::DataFolder;

#[test]
fn a_download_under_way_is_finished_before_the_end() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    // More than all buffers between the two hold.
    let data = random.bytes(48 << 20);
    let server = folder.serve();
    let client = server.client();
    let id = client.create();
    assert_eq!(client.upload(&id, &data).unwrap(), 204);
    let mut download = client.begin_download(&id).unwrap();
    let mut read = download.read(1000).unwrap();
    server.begin_to_stop();
    read.extend(download.read_all().unwrap());
    assert!(read == data);
    assert!(server.ended().success());
}

#[test]
fn an_upload_under_way_is_finished_before_the_end() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    let data = random.bytes(2 << 20);
    let (half, rest) = data.split_at(1 << 20);
    let server = folder.serve();
    let client = server.client();
    let id = client.create();
    let upload = client.begin_upload(&id, data.len()).unwrap().and(half).unwrap();
    client.becomes(&id, "saving");
    server.begin_to_stop();
    assert_eq!(upload.and(rest).unwrap().answer().unwrap(), 204);
    assert!(server.ended().success());
    let server = folder.serve();
    assert!(server.client().download(&id) == data);
    folder.holds_only([id.as_str()]);
}

#[test]
fn without_anything_under_way_the_end_comes_at_once() {
    let folder = DataFolder::new();
    let server = folder.serve();
    server.begin_to_stop();
    assert!(server.ended().success());
}
