//! A storm of uploads at the edge of what a project may hold: never more than that, whoever goes away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use glance_core::database::Journal;
use glance_stores::database::sqlite::Sqlite;

use crate::client::Client;
use crate::eventually;
use crate::limits::Keystone;
use crate::random::Random;
use crate::server::DataFolder;

const UPLOADS: usize = 200;
const MIB: usize = 1 << 20;
/// Less than a third of what all would need.
const LIMIT: usize = 10 * MIB;

/// One upload of the storm.
struct Plan {
    id: String,
    length: usize,
    is_announced: bool,
    /// Where the client goes away, if it does.
    ends_at: Option<usize>,
}

/// What the database says that the project holds.
struct Watch {
    runtime: tokio::runtime::Runtime,
    database: Sqlite,
}

impl Watch {
    fn over(folder: &DataFolder) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, database: Sqlite::open(folder.database()).unwrap() }
    }

    fn held(&self) -> usize {
        let held = self.runtime.block_on(self.database.bytes_held("default")).unwrap();
        usize::try_from(held).unwrap()
    }
}

fn plans(client: Client, random: &mut Random) -> Vec<Plan> {
    let plan = |number: usize| {
        let length = 100_000 + random.below(100_000);
        let ends_at = number.is_multiple_of(2).then(|| random.below(length));
        Plan { id: client.create(), length, is_announced: number % 4 < 2, ends_at }
    };
    (0..UPLOADS).map(plan).collect()
}

/// Whether the upload was acknowledged.
fn carry_out(client: Client, plan: &Plan, data: &[u8]) -> bool {
    let data = &data[..plan.length];
    let begun = if plan.is_announced {
        client.begin_upload(&plan.id, plan.length)
    } else {
        client.begin_upload_in_chunks(&plan.id)
    };
    // A server that is done with a client may close before all was sent; then nothing was acknowledged.
    let Ok(upload) = begun else { return false };
    let sent = &data[..plan.ends_at.unwrap_or(plan.length)];
    if plan.is_announced && plan.ends_at.is_some() {
        drop(upload.and(sent));
        return false;
    }
    if plan.is_announced {
        return upload.answer_to(sent).is_ok_and(|status| status == 204);
    }
    let mut chunks: Vec<u8> = Vec::new();
    for chunk in sent.chunks(40_000) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    if plan.ends_at.is_some() {
        drop(upload.and(&chunks));
        return false;
    }
    chunks.extend(b"0\r\n\r\n");
    upload.answer_to(&chunks).is_ok_and(|status| status == 204)
}

/// All plans at once, while somebody looks that the project never holds more than it may.
fn storm(client: Client, folder: &DataFolder, plans: &[Plan], data: &[u8]) -> Vec<bool> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let watch = Watch::over(folder);
            let (mut most, mut looks) = (0, 0_u32);
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(watch.held());
                looks += 1;
                thread::sleep(std::time::Duration::from_millis(2));
            }
            (most, looks)
        });
        let uploads: Vec<_> = plans.iter().map(|plan| scope.spawn(move || carry_out(client, plan, data))).collect();
        let acknowledged = uploads.into_iter().map(|upload| upload.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        let (most, looks) = watching.join().unwrap();
        println!("at most {most} of {LIMIT} bytes were held, in {looks} looks");
        assert!(most <= LIMIT && looks > 0);
        acknowledged
    })
}

fn a_storm_stays_below_the_limit(folder: &DataFolder, config: &str) {
    let mut random = Random::new();
    let data = random.bytes(LIMIT);
    let server = folder.serve_configured(config);
    let client = server.client();
    let plans = plans(client, &mut random);
    let acknowledged = storm(client, folder, &plans, &data);
    let mut stored = 0;
    for (plan, acknowledged) in plans.iter().zip(acknowledged) {
        let status = client.settled(&plan.id);
        assert!(!acknowledged || status.as_deref() == Some("active"), "{} is {status:?}", plan.id);
        if status.as_deref() == Some("active") {
            assert!(plan.ends_at.is_none(), "half an image is active");
            stored += plan.length;
        }
    }
    println!("{stored} of {LIMIT} bytes were stored");
    assert!(stored > 0 && stored <= LIMIT);
    let watch = Watch::over(folder);
    eventually("nothing to be held but what is active", || (watch.held() == stored).then_some(()));
    // What is left can be used to the last byte, and not beyond.
    let rest = LIMIT - stored;
    assert_eq!(client.begin_upload(&client.create(), rest + 1).unwrap().answer_to(&data[..=rest]).unwrap(), 413);
    if rest > 0 {
        assert_eq!(client.upload(&client.create(), &data[..rest]).unwrap(), 204);
    }
    assert_eq!(watch.held(), LIMIT);
    assert_eq!(client.upload(&client.create(), b"x").unwrap(), 413);
}

#[test]
fn a_storm_of_uploads_stays_below_the_quota() {
    a_storm_stays_below_the_limit(&DataFolder::new(), "[DEFAULT]\nuser_storage_quota = 10MB\n");
}

#[test]
fn a_storm_of_uploads_stays_below_the_limit_of_keystone() {
    let keystone =
        Keystone::with(&[("image_size_total", 10), ("image_count_total", 500), ("image_count_uploading", 300)]);
    let config = format!(
        "[DEFAULT]\nuse_keystone_limits = true\n[oslo_limit]\nauth_url = {}\nusername = glance\npassword = p\n\
         system_scope = all\nendpoint_id = images\n",
        keystone.url
    );
    a_storm_stays_below_the_limit(&DataFolder::new(), &config);
}

#[test]
fn only_so_many_uploads_are_let_in_at_once() {
    let keystone =
        Keystone::with(&[("image_size_total", 10), ("image_count_total", 500), ("image_count_uploading", 3)]);
    let config = format!(
        "[DEFAULT]\nuse_keystone_limits = true\n[oslo_limit]\nauth_url = {}\nusername = glance\npassword = p\n\
         system_scope = all\nendpoint_id = images\n",
        keystone.url
    );
    let folder = DataFolder::new();
    let server = folder.serve_configured(&config);
    let client = server.client();
    let begin = || {
        let id = client.create();
        let upload = client.begin_upload(&id, 2).unwrap().and(b"x").unwrap();
        client.becomes(&id, "saving");
        upload
    };
    let uploads = [begin(), begin(), begin()];
    assert_eq!(client.upload(&client.create(), b"xy").unwrap(), 413);
    for upload in uploads {
        assert_eq!(upload.and(b"y").unwrap().answer().unwrap(), 204);
    }
    assert_eq!(client.upload(&client.create(), b"xy").unwrap(), 204);
}
