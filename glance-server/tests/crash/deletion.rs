//! Deletions that are cut off.

use crate::random::Random;
use crate::server::DataFolder;

#[test]
fn an_image_whose_deletion_is_cut_off_is_whole_or_gone() {
    let (folder, mut random) = (DataFolder::new(), Random::new());
    let data = random.bytes(1 << 20);
    for _ in 0..4 {
        let server = folder.serve();
        let client = server.client();
        let ids: Vec<String> = (0..8).map(|_| client.create()).collect();
        for id in &ids {
            assert_eq!(client.upload(id, &data).unwrap(), 204);
        }
        let begun: Vec<_> = ids.iter().map(|id| client.begin_delete(id).unwrap()).collect();
        std::thread::sleep(std::time::Duration::from_micros(random.below(30_000) as u64));
        server.kill();
        drop(begun);
        let server = folder.serve();
        let client = server.client();
        let (whole, gone): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| client.status(id).is_some());
        println!("{} whole, {} gone", whole.len(), gone.len());
        folder.holds_only(whole.iter().map(String::as_str));
        for id in &whole {
            assert_eq!(client.status(id).as_deref(), Some("active"));
            assert!(client.download(id) == data);
            assert_eq!(client.delete(id).unwrap(), 204);
        }
        folder.holds_only([]);
    }
}

#[test]
fn an_acknowledged_deletion_survives() {
    let folder = DataFolder::new();
    let server = folder.serve();
    let id = server.client().create();
    assert_eq!(server.client().upload(&id, b"data").unwrap(), 204);
    assert_eq!(server.client().delete(&id).unwrap(), 204);
    server.kill();
    let server = folder.serve();
    assert_eq!(server.client().status(&id), None);
    folder.holds_only([]);
}
