use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, Lab, RITA};

async fn three(lab: &Lab) -> [String; 3] {
    [
        lab.queued(ALICE, &json!({"name": "a", "tags": ["x"], "arch": "x86"})).await,
        lab.queued(ALICE, &json!({"name": "b", "tags": ["x", "y"]})).await,
        lab.queued(ALICE, &json!({"name": "c,d", "os_hidden": true})).await,
    ]
}

#[tokio::test]
async fn a_page_leads_to_the_next_until_all_images_are_seen() {
    let lab = Lab::new();
    for at in 0..5 {
        lab.queued(ALICE, &json!({"name": format!("i{at}"), "tags": ["a", "b"]})).await;
    }
    let mut seen = Vec::new();
    let mut link = "/v2/images?tag=a&tag=b&limit=2&sort=name:asc".to_owned();
    loop {
        let page = lab.ask(ALICE, &format!("GET {link}")).await.value();
        assert_eq!(page["first"], "/v2/images?tag=a&tag=b&limit=2&sort=name%3Aasc");
        assert_eq!(page["schema"], "/v2/schemas/images");
        seen.extend(page["images"].as_array().unwrap().iter().map(|image| image["name"].clone()));
        match page.get("next") {
            Some(Value::String(next)) => link.clone_from(next),
            _ => break,
        }
    }
    assert_eq!(seen, ["i0", "i1", "i2", "i3", "i4"]);
}

#[tokio::test]
async fn filters_choose_images() {
    let lab = Lab::new();
    let [a, b, c] = three(&lab).await;
    for (query, expected) in [
        ("sort=name:asc", vec![&a, &b]),
        ("name=a", vec![&a]),
        ("name=in:b,a&sort=name:asc", vec![&a, &b]),
        ("name=in:%22c,d%22&os_hidden=true", vec![&c]),
        ("os_hidden=True", vec![&c]),
        ("tag=x&tag=y", vec![&b]),
        ("arch=x86", vec![&a]),
        ("arch=arm", vec![]),
        ("status=queued&name=b", vec![&b]),
        ("size_min=1", vec![]),
        ("created_at=gt:2000-01-01T00:00:00Z&name=a", vec![&a]),
        ("created_at=lt:2000-01-01", vec![]),
        ("visibility=", vec![]),
        ("deleted=true&name=a", vec![&a]),
        ("limit=0", vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(lab.ids(ALICE, query).await, expected, "{query}");
    }
}

/// `errors.md` section 3.2.
#[tokio::test]
async fn queries_that_make_no_sense_are_refused() {
    let lab = Lab::new();
    let [a, ..] = three(&lab).await;
    let invisible = format!("marker={}", lab.queued(BOB, &json!({"visibility": "private"})).await);
    let unknown = "marker=00000000-0000-4000-8000-000000000000".to_owned();
    for query in [
        "limit=x",
        "limit=-1",
        "limit=",
        "visibility=x",
        "member_status=x",
        "os_hidden=1",
        "protected=True",
        "changes-since=2000-01-01",
        "sort=x",
        "sort=",
        "sort=name:up",
        "sort=name&sort_key=id",
        "sort_key=name&sort_dir=asc&sort_dir=desc",
        "size_min=x",
        "foo_min=3",
        "created_at=x",
        "created_at=in:2000",
        "name=neq:x",
        "name=in:%22x",
        "marker=x",
        "marker=",
        "name=%ff",
        "%c3=x",
        &unknown,
        &invisible,
    ] {
        let answer = lab.ask(ALICE, &format!("GET /v2/images?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {answer:?}");
    }
    assert_eq!(lab.ids(ALICE, &format!("marker={a}")).await, Vec::<String>::new());
}

async fn lab_answer(lab: &Lab, query: &str) -> StatusCode {
    lab.ask(ALICE, &format!("GET /v2/images?{query}")).await.status
}

#[tokio::test]
async fn a_query_may_not_grow_without_end() {
    let lab = Lab::new();
    let many = |name: &str| (0..33).map(|at| format!("{name}{at}=x")).collect::<Vec<_>>().join("&");
    assert_eq!(lab_answer(&lab, &many("p")).await, 400);
    assert_eq!(lab_answer(&lab, &vec!["tag=x"; 33].join("&")).await, 400);
}

#[tokio::test]
async fn a_list_takes_a_role() {
    let lab = Lab::new();
    assert_eq!(lab.ask(RITA, "GET /v2/images").await.status, 200);
    let nobody_special = &[("x-identity-status", "Confirmed"), ("x-project-id", "a")];
    assert_eq!(lab.ask(nobody_special, "GET /v2/images").await.status, 403);
}
