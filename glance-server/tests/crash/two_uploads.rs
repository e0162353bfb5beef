//! Several uploads of one image.

use std::thread;

use crate::random::Random;
use crate::server::DataFolder;

#[test]
fn the_second_of_two_uploads_is_refused_and_the_first_goes_on() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    let server = folder.serve();
    let client = server.client();
    let (id, data) = (client.create(), random.bytes(2 << 20));
    let (half, rest) = data.split_at(1 << 20);
    let first = client.begin_upload(&id, data.len()).unwrap().and(half).unwrap();
    client.becomes(&id, "saving");
    assert_eq!(client.upload(&id, b"of somebody else").unwrap(), 409);
    assert_eq!(first.and(rest).unwrap().answer().unwrap(), 204);
    assert!(client.download(&id) == data);
    assert_eq!(client.upload(&id, b"too late").unwrap(), 409);
    assert!(client.download(&id) == data);
    folder.holds_only([id.as_str()]);
}

#[test]
fn of_uploads_at_once_one_wins() {
    const UPLOADS: usize = 8;
    let folder = DataFolder::new();
    let server = folder.serve();
    let client = server.client();
    let id = client.create();
    let data = |number: usize| [b'0' + u8::try_from(number).unwrap(); 4096];
    let statuses: Vec<u16> = thread::scope(|scope| {
        let uploads: Vec<_> = (0..UPLOADS)
            .map(|number| (number, &id))
            .map(|(number, id)| scope.spawn(move || client.upload(id, &data(number)).unwrap()))
            .collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
    });
    let winners: Vec<usize> = (0..UPLOADS).filter(|number| statuses[*number] == 204).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 409].contains(status)), "{statuses:?}");
    assert!(client.download(&id) == data(winners[0]));
    folder.holds_only([id.as_str()]);
}
