//! Appending, loading, locking.

use std::time::Duration;

use crate::{
    domain::{Order, OrderStatus},
    store::{
        StoreError, orders, outbox,
        tests::{
            Stage, fresh, on_both,
            samples::{Story, later},
        },
    },
};

on_both! {
    async fn an_order_comes_back_as_it_was(stage: &Stage) {
        let mut story = Story::placed(0);
        story.move_to(OrderStatus::Accepted, later(60));
        story.carried_by("cou_1", later(61));
        story.move_to(OrderStatus::Rejected, later(62));
        let news = story.news.clone();
        let mut tx = stage.begin().await;
        story.store(&mut tx).await;
        tx.commit().await.unwrap();

        let mut tx = stage.read().await;
        let loaded = orders::load(&mut tx, story.order.id).await.unwrap();
        assert_eq!(loaded.as_ref(), Some(&story.order));
        let history = orders::history(&mut tx, story.order.id, 0).await.unwrap();
        assert_eq!(history, news);
        let folded: Option<Order> = history.iter().fold(None, |order, it| it.fold(order));
        assert_eq!(folded, loaded, "the log and the read model agree");
        let rest = orders::history(&mut tx, story.order.id, 2).await.unwrap();
        assert_eq!(rest, news[2..]);
        let nobody = Story::placed(0).order.id;
        assert_eq!(orders::load(&mut tx, nobody).await.unwrap(), None);
    }

    async fn what_is_not_committed_leaves_no_trace(stage: &Stage) {
        let mut story = Story::placed(0);
        let mut tx = stage.begin().await;
        story.store(&mut tx).await;
        drop(tx);
        let mut tx = stage.read().await;
        assert_eq!(orders::load(&mut tx, story.order.id).await.unwrap(), None);
        assert!(outbox::peek(&mut tx, 0, 10).await.unwrap().is_empty());
    }

    async fn many_orders_are_recorded_together(stage: &Stage) {
        let mut known = Story::placed(0);
        let mut other = Story::placed(1);
        let mut tx = stage.begin().await;
        known.store(&mut tx).await;
        other.store(&mut tx).await;
        tx.commit().await.unwrap();

        known.move_to(OrderStatus::Accepted, later(5));
        known.move_to(OrderStatus::Preparing, later(5));
        other.move_to(OrderStatus::Cancelled, later(5));
        let new = Story::placed(4);
        let appends = [known.append(), new.append(), other.append()];
        let mut tx = stage.begin().await;
        orders::append_all(&mut tx, &appends).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = stage.read().await;
        for story in [&known, &other, &new] {
            let loaded = orders::load(&mut tx, story.order.id).await.unwrap();
            assert_eq!(loaded.as_ref(), Some(&story.order));
        }
        let left: Vec<_> = outbox::peek(&mut tx, 0, 10).await.unwrap();
        let left: Vec<_> = left
            .iter()
            .map(|it| &it.message.routing)
            .map(|it| (it.order_id.unwrap(), it.subject_version))
            .collect();
        let (known, new, other) = (known.order.id, new.order.id, other.order.id);
        assert_eq!(left, [(known, 1), (other, 1), (known, 2), (known, 3), (new, 1), (other, 2)]);
    }

    async fn whoever_comes_second_is_told(stage: &Stage) {
        let mut story = Story::placed(0);
        let mut tx = stage.begin().await;
        story.store(&mut tx).await;
        let again = Story { order: story.order.clone(), news: vec![] };
        tx.commit().await.unwrap();

        let mut slow = Story { order: again.order.clone(), news: vec![] };
        slow.move_to(OrderStatus::Cancelled, later(9));
        story.move_to(OrderStatus::Accepted, later(8));
        let mut tx = stage.begin().await;
        story.store(&mut tx).await;
        tx.commit().await.unwrap();

        let mut tx = stage.begin().await;
        let refused = orders::append(&mut tx, slow.append()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        drop(tx);
        let mut tx = stage.read().await;
        assert_eq!(orders::load(&mut tx, story.order.id).await.unwrap(), Some(story.order));
        assert_eq!(outbox::peek(&mut tx, 0, 10).await.unwrap().len(), 2);
    }

    async fn a_new_order_cannot_come_twice(stage: &Stage) {
        let mut story = Story::placed(0);
        let twin = Story { order: story.order.clone(), news: story.news.clone() };
        let mut tx = stage.begin().await;
        story.store(&mut tx).await;
        let refused = orders::append(&mut tx, twin.append()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }

    async fn a_gap_in_the_log_is_refused(stage: &Stage) {
        let mut story = Story::placed(0);
        let mut tx = stage.begin().await;
        story.store(&mut tx).await;
        // Decided upon version 2, which nobody recorded.
        story.move_to(OrderStatus::Accepted, later(1));
        story.news.clear();
        story.move_to(OrderStatus::Preparing, later(2));
        let refused = orders::append(&mut tx, story.append()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        drop(tx);

        let mut tx = stage.begin().await;
        let mut wrong = story.append();
        wrong.previous = 7;
        let refused = orders::append(&mut tx, wrong).await;
        assert!(matches!(refused, Err(StoreError::Inconsistent(_))), "{refused:?}");
        let mut wrong = story.append();
        let unmoved = Story::placed(0);
        wrong.order = &unmoved.order;
        let refused = orders::append(&mut tx, wrong).await;
        assert!(matches!(refused, Err(StoreError::Inconsistent(_))), "{refused:?}");
    }

    async fn locked_orders_come_by_id_and_missing_ones_are_left_out(stage: &Stage) {
        let mut stories = [Story::placed(0), Story::placed(1), Story::placed(2)];
        let mut tx = stage.begin().await;
        for story in &mut stories {
            story.store(&mut tx).await;
        }
        let mut ids: Vec<_> = stories.iter().map(|it| it.order.id).collect();
        ids.push(Story::placed(0).order.id);
        ids.sort();
        ids.reverse();
        let locked = orders::lock(&mut tx, &ids).await.unwrap();
        let found: Vec<_> = locked.iter().map(|it| it.id).collect();
        let mut wanted: Vec<_> = stories.iter().map(|it| it.order.id).collect();
        wanted.sort();
        assert_eq!(found, wanted);
        assert!(orders::lock(&mut tx, &[]).await.unwrap().is_empty());
    }

    async fn two_who_want_the_same_orders_take_turns(stage: &Stage) {
        let mut stories = [Story::placed(0), Story::placed(1)];
        let mut tx = stage.begin().await;
        for story in &mut stories {
            story.store(&mut tx).await;
        }
        tx.commit().await.unwrap();
        let ids = stories.each_ref().map(|it| it.order.id);
        let backwards = [ids[1], ids[0]];

        let count_up = async |ids: &[crate::domain::OrderId]| {
            for _ in 0..20 {
                let mut tx = stage.begin().await;
                let locked = orders::lock(&mut tx, ids).await.unwrap();
                let mut moved: Vec<_> =
                    locked.into_iter().map(|order| Story { order, news: vec![] }).collect();
                for story in &mut moved {
                    story.carried_by(&fresh().to_string(), later(5));
                }
                let appends: Vec<_> = moved.iter().map(Story::append).collect();
                orders::append_all(&mut tx, &appends).await.unwrap();
                tx.commit().await.unwrap();
            }
        };
        let both = async { tokio::join!(count_up(&ids), count_up(&backwards)) };
        tokio::time::timeout(Duration::from_mins(1), both).await.unwrap();

        let mut tx = stage.read().await;
        for id in ids {
            assert_eq!(orders::load(&mut tx, id).await.unwrap().unwrap().version, 41);
        }
    }

    async fn batches_may_exceed_what_one_statement_takes(stage: &Stage) {
        let stories: Vec<_> = (0..3500).map(Story::placed).collect();
        let appends: Vec<_> = stories.iter().map(Story::append).collect();
        let mut tx = stage.begin().await;
        orders::append_all(&mut tx, &appends).await.unwrap();
        let mut ids: Vec<_> = stories.iter().map(|it| it.order.id).collect();
        let locked = orders::lock(&mut tx, &ids).await.unwrap();
        ids.sort();
        assert!(locked.iter().map(|it| it.id).eq(ids));
        let left = outbox::peek(&mut tx, 0, 10_000).await.unwrap();
        let of = left.iter().map(|it| it.message.routing.order_id);
        assert!(of.eq(stories.iter().map(|it| Some(it.order.id))));
        let seqs: Vec<_> = left.iter().map(|it| it.seq).collect();
        outbox::remove(&mut tx, &seqs).await.unwrap();
        assert_eq!(outbox::backlog(&mut tx, 0).await.unwrap().rows, 0);
    }
}
