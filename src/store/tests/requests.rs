//! Idempotency keys and mappings.

use bytes::Bytes;
use serde_json::json;

use crate::store::{
    StoreError, Tx,
    idempotency::{self, Answer, Claim, Saved},
    mappings::{self, Mapping},
    tests::{
        Stage, fresh, on_both,
        samples::{later, noon},
    },
};

fn answer<'a>(caller: &'a str, key: &'a str, body: &'a [u8]) -> Answer<'a> {
    Answer {
        caller,
        key,
        fingerprint: &[7; 32],
        status: 201,
        body,
        created_at: noon(),
        expires_at: later(60),
    }
}

fn mapping(external_id: &str) -> Mapping {
    Mapping {
        id: fresh(),
        local_entity_type: "order".to_owned(),
        local_entity_id: fresh(),
        external_system: "careem".to_owned(),
        external_entity_id: external_id.to_owned(),
        external_entity_type: "order".to_owned(),
        mapping_data: Some(json!({"branch": 7})),
        last_synced: None,
        sync_status: "active".to_owned(),
        created_at: noon(),
        updated_at: noon(),
    }
}

on_both! {
    async fn a_repeated_request_gets_the_same_answer(stage: &Stage) {
        let mut tx = stage.begin().await;
        assert_eq!(idempotency::begin(&mut tx, "sub_1", "k", &[7; 32], noon()).await.unwrap(), Claim::Fresh);
        idempotency::save(&mut tx, answer("sub_1", "k", b"\0\xff{}")).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = stage.begin().await;
        let replay = Claim::Replay(Saved { status: 201, body: Bytes::from_static(b"\0\xff{}") });
        assert_eq!(idempotency::begin(&mut tx, "sub_1", "k", &[7; 32], later(59)).await.unwrap(), replay);
        assert_eq!(idempotency::begin(&mut tx, "sub_1", "k", &[8; 32], noon()).await.unwrap(), Claim::Mismatch);
        assert_eq!(idempotency::begin(&mut tx, "sub_2", "k", &[7; 32], noon()).await.unwrap(), Claim::Fresh);
        assert_eq!(idempotency::begin(&mut tx, "sub_1", "l", &[7; 32], noon()).await.unwrap(), Claim::Fresh);
    }

    async fn an_expired_key_is_as_good_as_new(stage: &Stage) {
        let mut tx = stage.begin().await;
        idempotency::save(&mut tx, answer("sub_1", "k", b"old")).await.unwrap();
        idempotency::save(&mut tx, answer("sub_1", "other", b"old")).await.unwrap();
        assert_eq!(idempotency::begin(&mut tx, "sub_1", "k", &[8; 32], later(60)).await.unwrap(), Claim::Fresh);
        let renewed = Answer { expires_at: later(999), ..answer("sub_1", "k", b"new") };
        idempotency::save(&mut tx, renewed).await.unwrap();
        assert_eq!(idempotency::purge(&mut tx, later(60)).await.unwrap(), 1);
        let replay = Claim::Replay(Saved { status: 201, body: Bytes::from_static(b"new") });
        assert_eq!(idempotency::begin(&mut tx, "sub_1", "k", &[7; 32], later(60)).await.unwrap(), replay);
        assert_eq!(idempotency::purge(&mut tx, later(60)).await.unwrap(), 0);
    }

    async fn an_external_id_names_one_thing(stage: &Stage) {
        let mut tx = stage.begin().await;
        let first = mapping("C-1");
        mappings::bind(&mut tx, &first).await.unwrap();
        // Bound again to the same thing, it is brought up to date.
        let fresher = Mapping {
            mapping_data: None,
            last_synced: Some(later(5)),
            updated_at: later(5),
            ..first.clone()
        };
        mappings::bind(&mut tx, &fresher).await.unwrap();
        mappings::bind(&mut tx, &Mapping { id: fresh(), ..fresher.clone() }).await.unwrap();
        let refused = mappings::bind(&mut tx, &mapping("C-1")).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        // The same word for another kind of thing is another matter.
        let menu = Mapping { external_entity_type: "item".to_owned(), ..mapping("C-1") };
        mappings::bind(&mut tx, &menu).await.unwrap();
        let talabat = Mapping {
            external_system: "talabat".to_owned(),
            local_entity_id: first.local_entity_id,
            ..mapping("C-1")
        };
        mappings::bind(&mut tx, &talabat).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = stage.read().await;
        for system in [fresher.external_system, talabat.external_system] {
            let known = mappings::resolve(&mut tx, &system, "order", &["C-1"]).await.unwrap();
            assert_eq!(known, [("C-1".to_owned(), first.local_entity_id)]);
        }
    }

    async fn external_ids_are_resolved_together(stage: &Stage) {
        let mut tx = stage.begin().await;
        let bound = [mapping("C-1"), mapping("C-2"), mapping("C-3")];
        for it in &bound {
            mappings::bind(&mut tx, it).await.unwrap();
        }
        let mut found =
            mappings::resolve(&mut tx, "careem", "order", &["C-3", "C-9", "C-1"]).await.unwrap();
        found.sort();
        let named = |at: usize| (bound[at].external_entity_id.clone(), bound[at].local_entity_id);
        assert_eq!(found, [named(0), named(2)]);
        assert_eq!(mappings::resolve(&mut tx, "careem", "item", &["C-1"]).await.unwrap(), []);
        assert_eq!(mappings::resolve(&mut tx, "talabat", "order", &["C-1"]).await.unwrap(), []);
        assert_eq!(mappings::resolve(&mut tx, "careem", "order", &[]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_request_that_is_running_elsewhere_is_seen_on_postgres() {
    let Some(stage) = Stage::postgres().await else { return };
    let mut one = stage.begin().await;
    let mut two = stage.begin().await;
    let begin = async |tx: &mut Tx, key| {
        idempotency::begin(tx, "sub_1", key, &[7; 32], noon()).await.unwrap()
    };
    assert_eq!(begin(&mut one, "k").await, Claim::Fresh);
    assert_eq!(begin(&mut two, "k").await, Claim::Running);
    assert_eq!(begin(&mut two, "l").await, Claim::Fresh);
    idempotency::save(&mut one, answer("sub_1", "k", b"done")).await.unwrap();
    assert_eq!(begin(&mut two, "k").await, Claim::Running);
    one.commit().await.unwrap();
    assert!(matches!(begin(&mut two, "k").await, Claim::Replay(_)));
    drop(two);
    stage.strike().await;
}
