//! The check value of the sealing key, and the secrets that are in use.

use crate::{
    domain::{Actor, ActorKind, CredentialId, EndpointId},
    store::{
        credentials::{self, Credential},
        endpoints,
        sealing::{self, SealedSecret, SecretOwner},
        tests::{
            Stage,
            endpoints::endpoint,
            fresh, on_both,
            samples::{later, noon},
        },
    },
};

fn credential(sealed: u8, expires_in: Option<i64>) -> Credential {
    Credential {
        id: CredentialId::from_uuid(fresh()),
        partner: "careem".to_owned(),
        label: "Abdoun".to_owned(),
        sealed: vec![sealed],
        created_at: noon(),
        created_by: Actor::new(ActorKind::Staff, "hala"),
        expires_at: expires_in.map(later),
    }
}

on_both! {
    async fn the_first_check_value_stands_until_it_is_replaced(stage: &Stage) {
        let mut tx = stage.begin().await;
        assert_eq!(sealing::check(&mut tx).await.unwrap(), None);
        assert!(sealing::put_check(&mut tx, &[1], noon()).await.unwrap());
        assert!(!sealing::put_check(&mut tx, &[2], noon()).await.unwrap());
        assert_eq!(sealing::lock_check(&mut tx).await.unwrap(), Some(vec![1]));
        sealing::replace_check(&mut tx, &[3], later(1)).await.unwrap();
        assert_eq!(sealing::check(&mut tx).await.unwrap(), Some(vec![3]));
        tx.commit().await.unwrap();
    }

    async fn secrets_are_found_while_they_are_in_use(stage: &Stage) {
        let mut tx = stage.begin().await;
        let mut hooked = endpoint();
        hooked.sealed = vec![1];
        endpoints::insert(&mut tx, &hooked).await.unwrap();
        hooked.former = Some((vec![2], later(10)));
        endpoints::update(&mut tx, &hooked).await.unwrap();
        let stored = [credential(3, None), credential(4, Some(10)), credential(5, Some(0))];
        for credential in &stored {
            credentials::insert(&mut tx, credential).await.unwrap();
        }
        let owner = |at: usize| {
            let (id, partner) = (stored[at].id, stored[at].partner.clone());
            SecretOwner::Credential { id, partner }
        };
        let of = |id: EndpointId| SecretOwner::Endpoint(id);
        let mut found = sealing::secrets(&mut tx, later(5)).await.unwrap();
        found.sort_by(|left, right| left.sealed.cmp(&right.sealed));
        let secret = |owner, sealed| SealedSecret { owner, sealed: vec![sealed] };
        assert_eq!(
            found,
            [secret(of(hooked.id), 1), secret(of(hooked.id), 2), secret(owner(0), 3), secret(owner(1), 4)]
        );
        assert_eq!(sealing::secrets(&mut tx, later(10)).await.unwrap().len(), 2);
        tx.commit().await.unwrap();
    }
}
