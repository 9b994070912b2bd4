//! Finding orders: filters, and pages that lose and repeat nothing.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use crate::{
    harness::{
        app::{TestApp, evening},
        client::{Client, id, order_for},
    },
    orders::fields,
};

async fn ids(app: &Client, token: &str, query: &str) -> Vec<String> {
    let page = app.get(&format!("/v1/orders?limit=200&{query}"), token).await.expect(200);
    ids_of(&page)
}

fn ids_of(page: &Value) -> Vec<String> {
    page["orders"].as_array().unwrap().iter().map(|it| id(it).to_owned()).collect()
}

#[tokio::test]
async fn orders_are_found_by_store_status_and_time_newest_first() {
    let app = TestApp::spawn_at(evening()).await;
    let (abdoun, swefieh) = (app.store().await, app.store().await);
    let mut placed = Vec::new();
    for store in [&abdoun, &swefieh, &abdoun, &abdoun] {
        placed.push(id(&app.place(store).await).to_owned());
        app.clock.advance(Duration::from_mins(1));
    }
    let [one, two, three, four] = placed.try_into().unwrap();
    app.step(&one, &["accepted"]).await;
    app.step(&three, &["cancelled"]).await;
    let token = app.service();
    let found: [(&str, &[&String]); 10] = [
        ("", &[&four, &three, &two, &one]),
        (&format!("store={abdoun}"), &[&four, &three, &one]),
        ("status=accepted", &[&one]),
        ("status=accepted,cancelled", &[&three, &one]),
        ("open=true", &[&four, &two, &one]),
        ("open=false", &[&three]),
        (&format!("store={abdoun}&open=true&status=placed"), &[&four]),
        ("from=2026-11-20T18:32:00Z", &[&four, &three]),
        ("to=2026-11-20T18:32:00Z", &[&two, &one]),
        ("from=2026-11-20T18:31:00Z&to=2026-11-20T18:32:00Z", &[&two]),
    ];
    for (query, expected) in found {
        assert_eq!(ids(&app, &token, query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

#[tokio::test]
async fn everybody_finds_what_is_theirs() {
    let app = TestApp::spawn().await;
    let (abdoun, swefieh) = (app.store().await, app.store().await);
    let sara = app.place(&abdoun).await;
    let mut ranas = order_for(&swefieh);
    ranas["customer"]["id"] = "rana".into();
    let rana = app.place_as(&app.service(), &ranas).await;
    assert_eq!(ids(&app, &app.customer("sara"), "").await, [id(&sara)]);
    assert_eq!(ids(&app, &app.customer("rana"), "").await, [id(&rana)]);
    assert_eq!(ids(&app, &app.staff(&abdoun), "").await, [id(&sara)]);
    assert_eq!(ids(&app, &app.headquarters(""), "").await, [id(&rana), id(&sara)]);
    assert_eq!(ids(&app, &app.courier("omar"), "").await, Vec::<String>::new());
    // A store narrows a customer's search and opens nothing.
    let elsewhere = format!("store={swefieh}");
    assert_eq!(ids(&app, &app.customer("sara"), &elsewhere).await, Vec::<String>::new());
    let answer = app.get(&format!("/v1/orders?{elsewhere}"), &app.staff(&abdoun)).await;
    answer.expect_error(403, "FORBIDDEN");
}

#[tokio::test]
async fn pages_neither_repeat_nor_omit_an_order_while_new_ones_come() {
    // All placed in the same microsecond: the worst case for a cursor.
    for clock in [evening(), orderwire::base::clock::Clock::System] {
        let app = TestApp::spawn_at(clock).await;
        let store = app.store().await;
        let mut there = BTreeSet::new();
        for _ in 0..10 {
            there.insert(id(&app.place(&store).await).to_owned());
        }
        let token = app.staff(&store);
        let (mut seen, mut pages) = (Vec::new(), 0);
        let mut path = format!("/v1/orders?store={store}&limit=3");
        loop {
            let page = app.get(&path, &token).await.expect(200);
            seen.extend(ids_of(&page));
            pages += 1;
            app.place(&store).await;
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            assert_eq!(page["orders"].as_array().unwrap().len(), 3);
            path = format!("/v1/orders?store={store}&limit=3&cursor={cursor}");
        }
        let distinct: BTreeSet<_> = seen.iter().cloned().collect();
        assert_eq!(distinct.len(), seen.len(), "{seen:?}");
        assert!(there.is_subset(&distinct), "{there:?} {seen:?}");
        assert!(4 <= pages, "{pages}");
    }
}

#[tokio::test]
async fn a_page_that_ends_with_the_last_order_is_the_last() {
    let app = TestApp::spawn().await;
    let store = app.store().await;
    for _ in 0..4 {
        app.place(&store).await;
    }
    let token = app.staff(&store);
    let first = app.get("/v1/orders?limit=2", &token).await.expect(200);
    let cursor = first["nextCursor"].as_str().unwrap();
    let path = format!("/v1/orders?limit=2&cursor={cursor}");
    let second = app.get(&path, &token).await.expect(200);
    assert_eq!(ids_of(&second).len(), 2);
    assert!(second.get("nextCursor").is_none(), "{second}");
}

#[tokio::test]
async fn a_search_that_makes_no_sense_is_refused() {
    let app = TestApp::spawn().await;
    for (query, field) in [
        ("limit=0", Some("limit")),
        ("limit=201", Some("limit")),
        ("cursor=next", Some("cursor")),
        ("status=eaten", Some("status")),
        ("limit=many", None),
        ("store=abdoun", None),
        ("open=perhaps", None),
        ("from=yesterday", None),
        ("colour=red", None),
    ] {
        let answer = app.get(&format!("/v1/orders?{query}"), &app.service()).await;
        let error = answer.expect_error(400, "INVALID_INPUT");
        assert_eq!(fields(&error), field.into_iter().collect::<Vec<_>>(), "{query}: {error}");
    }
}
