//! A disk without room.

use crate::random::Random;
use crate::server::DataFolder;

const ROOM: usize = 4 << 20;

#[test]
fn an_upload_beyond_the_room_leaves_nothing() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    let server = folder.serve_with_room_for(ROOM as u64);
    let client = server.client();
    let (id, data) = (client.create(), random.bytes(2 * ROOM));
    assert_eq!(client.begin_upload(&id, data.len()).unwrap().answer_to(&data).unwrap(), 413);
    client.becomes(&id, "queued");
    folder.holds_only([]);
    let small = &data[..ROOM / 2];
    assert_eq!(client.upload(&id, small).unwrap(), 204);
    assert!(client.download(&id) == small);
    folder.holds_only([id.as_str()]);
}
