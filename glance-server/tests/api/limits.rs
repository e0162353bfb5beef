//! Unified limits, as a Keystone tells them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::{Glance, Stores};
use glance_stores::keystone::{
    Credentials, Domain, Key, KeystoneLimits, LimitedService, LimitsConfig, Login, Scope, User,
};
use glance_stores::outbound::{Client, Deadlines, OperatorUrl, Tls};
use serde_json::{Value, json};

use crate::keystone::fake::{FakeKeystone, Manner, PASSWORD};
use crate::support::{ADMIN, ALICE, Answer, BOB, Lab};

const FOR_EVER: Duration = Duration::from_secs(1 << 20);

fn registered(name: &str, limit: i64) -> Value {
    json!({"service_id": "s", "region_id": "R", "resource_name": name, "default_limit": limit})
}

fn own(project: &str, name: &str, limit: i64) -> Value {
    json!({"service_id": "s", "region_id": "R", "project_id": project, "resource_name": name, "resource_limit": limit})
}

/// A Keystone with limits for images: 2 MiB, 1 MiB staged, three images, one at a time.
async fn keystone() -> FakeKeystone {
    let keystone = FakeKeystone::new().await;
    let limits = [
        registered("image_size_total", 2),
        registered("image_stage_total", 1),
        registered("image_count_total", 3),
        registered("image_count_uploading", 1),
        json!({"service_id": "other", "region_id": "R", "resource_name": "image_count_total", "default_limit": 99}),
        json!({"service_id": "s", "region_id": "Q", "resource_name": "image_count_total", "default_limit": 99}),
    ];
    let endpoint = json!({"id": "e", "service_id": "s", "region_id": "R", "interface": "public"});
    keystone.said().says.extend(
        [
            ("/limits/model", json!({"model": {"name": "flat"}})),
            ("/endpoints/e", json!({"endpoint": endpoint.clone()})),
            ("/services", json!({"services": [{"id": "s"}]})),
            ("/endpoints", json!({"endpoints": [endpoint]})),
            ("/registered_limits", json!({"registered_limits": limits})),
            ("/limits", json!({"limits": []})),
        ]
        .map(|(path, answer)| (path.to_owned(), answer)),
    );
    keystone
}

fn lab(keystone: &FakeKeystone, change: impl FnOnce(&mut LimitsConfig)) -> Lab {
    let mut config = LimitsConfig {
        login: Login {
            address: OperatorUrl::parse(&keystone.address).unwrap(),
            credentials: Credentials::Password(User::Name("glance".to_owned(), Domain::default()), Key::new(PASSWORD)),
            scope: Scope::System,
        },
        address: None,
        interfaces: vec!["public".to_owned()],
        region: None,
        service: LimitedService::Endpoint("e".to_owned()),
        retries: 0,
        patience: Duration::from_secs(2),
        counts_for: Duration::ZERO,
    };
    change(&mut config);
    let limits = KeystoneLimits::new(Client::new(&Tls::default(), Deadlines::default()).unwrap(), config);
    let stores = Stores::single(Arc::new(MemoryStore::new("one")));
    Lab::on(&Glance::builder(Arc::new(MemoryDatabase::new()), stores).limits(Arc::new(limits)).build(), |_| {})
}

async fn create(lab: &Lab) -> Answer {
    lab.json(ALICE, "POST /v2/images", &json!({"disk_format": "raw", "container_format": "bare"})).await
}

async fn usage(lab: &Lab) -> Answer {
    lab.ask(ALICE, "GET /v2/info/usage").await
}

#[tokio::test]
async fn images_and_data_are_held_to_registered_limits_and_usage_tells_both() {
    let keystone = keystone().await;
    let lab = lab(&keystone, |_| {});
    for _ in 0..3 {
        assert_eq!(create(&lab).await.status, 201);
    }
    let refused = create(&lab).await;
    assert_eq!(refused.status, 413);
    for named in ["project a ", "image_count_total", "may hold 3 images", "holds 3", "1 more"] {
        assert!(refused.text().contains(named), "{named}: {refused:?}");
    }
    let id = lab.ids(ALICE, "").await.remove(0);
    assert_eq!(lab.upload(ALICE, &id, &"x".repeat((2 << 20) + 1)).await.status, 413);
    assert_eq!(lab.upload(ALICE, &id, &"x".repeat((1 << 20) + 1)).await.status, 204);
    let told = usage(&lab).await.value();
    assert_eq!(
        told,
        json!({"usage": {
            "image_size_total": {"usage": 1, "limit": 2},
            "image_stage_total": {"usage": 0, "limit": 1},
            "image_count_total": {"usage": 3, "limit": 3},
            "image_count_uploading": {"usage": 0, "limit": 1},
        }})
    );
    assert_eq!(lab.ask(BOB, "GET /v2/info/usage").await.value()["usage"]["image_count_total"]["usage"], 0);
    assert_eq!(lab.ask(ALICE, "POST /v2/info/usage").await.status, 404);
    let login = &keystone.said().logins[0];
    assert_eq!(login["auth"]["scope"], json!({"system": {"all": true}}));
}

#[tokio::test]
async fn an_image_is_given_to_a_project_that_may_hold_it() {
    let keystone = keystone().await;
    let limits = [own("b", "image_count_total", 1), own("c", "image_size_total", 1)];
    keystone.said().says.insert("/limits".to_owned(), json!({"limits": limits}));
    let lab = lab(&keystone, |_| {});
    let (first, second) = (lab.queued(ALICE, &json!({})).await, lab.queued(ALICE, &json!({})).await);
    assert_eq!(lab.upload(ALICE, &first, &"x".repeat((1 << 20) + 1)).await.status, 204);
    let give = async |id: &str, owner: &str| {
        let step = json!([{"op": "replace", "path": "/owner", "value": owner}]);
        lab.patch(ADMIN, id, &step).await
    };
    let refused = give(&first, "c").await;
    assert_eq!(refused.status, 413, "{refused:?}");
    assert!(refused.text().contains("project c ") && refused.text().contains("image_size_total"), "{refused:?}");
    assert_eq!(lab.image(ADMIN, &first).await["owner"], "a");
    assert_eq!(give(&second, "b").await.status, 200);
    assert_eq!(give(&first, "b").await.status, 413);
    assert_eq!(give(&second, "b").await.status, 200, "what a project has already takes no room");
    keystone.said().manner = Manner::Status(503);
    assert_eq!(give(&first, "d").await.status, 503);
    assert_eq!(lab.patch(ADMIN, &first, &json!([{"op": "replace", "path": "/name", "value": "n"}])).await.status, 200);
}

#[tokio::test]
async fn an_image_is_given_within_the_quota_of_the_configuration() {
    let lab = Lab::with(|settings| settings.user_storage_quota = Some(10), |_| {});
    let first = lab.active(ALICE, "0123456").await;
    lab.active(BOB, "0123").await;
    let to_bob = json!([{"op": "replace", "path": "/owner", "value": "b"}]);
    let refused = lab.patch(ADMIN, &first, &to_bob).await;
    assert_eq!(refused.status, 413);
    assert!(refused.text().contains("user_storage_quota"), "{refused:?}");
    let to_nobody = json!([{"op": "replace", "path": "/owner", "value": null}]);
    assert_eq!(lab.patch(ADMIN, &first, &to_nobody).await.status, 200);
}

#[tokio::test]
async fn a_limit_of_the_project_comes_before_the_registered_one() {
    let keystone = keystone().await;
    let limits =
        [own("b", "image_count_total", 99), own("a", "image_count_total", 1), own("a", "image_size_total", -1)];
    keystone.said().says.insert("/limits".to_owned(), json!({"limits": limits}));
    let lab = lab(&keystone, |_| {});
    assert_eq!(create(&lab).await.status, 201);
    assert_eq!(create(&lab).await.status, 413);
    assert_eq!(usage(&lab).await.value()["usage"]["image_size_total"]["limit"], -1);
    let asked = keystone.said().wondered.clone();
    assert!(asked.contains(&"/v3/limits?service_id=s&region_id=R&project_id=a".to_owned()), "{asked:?}");
    assert!(asked.contains(&"/v3/registered_limits?service_id=s&region_id=R".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn what_is_not_registered_is_not_to_be_had() {
    let keystone = keystone().await;
    keystone.said().says.insert("/registered_limits".to_owned(), json!({"registered_limits": []}));
    let lab = lab(&keystone, |_| {});
    assert_eq!(create(&lab).await.status, 413);
    assert_eq!(usage(&lab).await.value()["usage"]["image_size_total"], json!({"usage": 0, "limit": 0}));
}

#[tokio::test]
async fn a_service_is_found_by_its_type_if_there_is_one_endpoint_of_it() {
    let keystone = keystone().await;
    let lab = lab(&keystone, |config| {
        config.service = LimitedService::Found {
            kind: Some("image".to_owned()),
            name: None,
            region: Some("R".to_owned()),
            interface: "public".to_owned(),
        };
    });
    assert_eq!(create(&lab).await.status, 201);
    let asked = keystone.said().wondered.clone();
    for wanted in ["/v3/services?type=image", "/v3/endpoints?service_id=s&interface=public&region_id=R"] {
        assert!(asked.iter().any(|asked| asked == wanted), "{wanted}: {asked:?}");
    }
    for (path, answer) in
        [("/endpoints", json!({"endpoints": []})), ("/services", json!({"services": [{"id": "s"}, {"id": "t"}]}))]
    {
        keystone.said().says.insert(path.to_owned(), answer);
        assert_eq!(create(&lab).await.status, 500, "{path}");
    }
}

#[tokio::test]
async fn what_is_set_up_wrong_refuses_with_500() {
    for (path, answer) in [
        ("/limits/model", json!({"model": {"name": "strict_two_level"}})),
        ("/endpoints/e", Value::Null),
        ("/limits", json!({"limits": [], "truncated": true})),
        ("/registered_limits", json!({"registered_limits": [], "truncated": true})),
        ("/limits", json!({"something": "else"})),
        ("/limits/model", json!("<html>")),
    ] {
        let keystone = keystone().await;
        match answer {
            Value::Null => keystone.said().says.remove(path),
            answer => keystone.said().says.insert(path.to_owned(), answer),
        };
        let lab = lab(&keystone, |_| {});
        let refused = create(&lab).await;
        assert_eq!(refused.status, 500, "{path}: {refused:?}");
        assert_eq!(usage(&lab).await.status, 500, "{path}");
    }
    let keystone = keystone().await;
    keystone.said().locked = true;
    let lab = lab(&keystone, |_| {});
    assert_eq!(create(&lab).await.status, 500);
    keystone.said().manner = Manner::Status(403);
    assert_eq!(create(&lab).await.status, 500);
}

#[tokio::test]
async fn while_keystone_is_away_what_takes_room_is_503_and_the_rest_goes_on() {
    for manner in [Manner::Status(500), Manner::Status(503), Manner::Silence] {
        let keystone = keystone().await;
        let lab = lab(&keystone, |config| config.patience = Duration::from_millis(200));
        let id = create(&lab).await.value()["id"].as_str().unwrap().to_owned();
        keystone.said().manner = manner.clone();
        let refused = create(&lab).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, Some("5")), "{manner:?}");
        assert_eq!(lab.upload(ALICE, &id, "x").await.status, 503);
        assert_eq!(lab.image(ALICE, &id).await["status"], "queued");
        assert_eq!(lab.ask(ALICE, &format!("DELETE /v2/images/{id}")).await.status, 204);
        keystone.said().manner = Manner::Usual;
        assert_eq!(create(&lab).await.status, 201);
    }
    let keystone = keystone().await;
    let lab = lab(&keystone, |_| {});
    keystone.stop();
    assert_eq!(create(&lab).await.status, 503);
}

#[tokio::test]
async fn answers_count_for_a_while_and_many_ask_once() {
    let keystone = keystone().await;
    let lab = lab(&keystone, |config| config.counts_for = FOR_EVER);
    let told = join_all((0..50).map(|_| usage(&lab))).await;
    assert!(told.iter().all(|told| told.status == 200));
    assert_eq!(keystone.said().wondered.len(), 4, "{:?}", keystone.said().wondered);
    // Another project has limits of its own.
    assert_eq!(lab.ask(ADMIN, "GET /v2/info/usage").await.status, 200);
    assert_eq!(keystone.said().wondered.len(), 5);
}

#[tokio::test]
async fn a_token_that_ended_is_replaced() {
    let keystone = keystone().await;
    let lab = lab(&keystone, |_| {});
    assert_eq!(create(&lab).await.status, 201);
    keystone.said().refusals = 1;
    assert_eq!(create(&lab).await.status, 201);
    assert_eq!(keystone.said().logins.len(), 2);
}
