//! WhatsApp and people's phones: says of every message that was written down what became of it, and lets people write back.
//!
//! Meta's "Webhooks" reference is what the reports are written from.

use std::{sync::Arc, time::Duration};

use dashmap::DashSet;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    base::mac,
    domain::{NotificationId, ReceiptStatus},
    messaging::whatsapp::PARTNER,
    simulator::{
        client::{ClientError, SeenMessage},
        customers::{GUESTS, Guest},
        dice::Dice,
        run::Run,
    },
};

/// How often it is looked what there is to send.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Messages on their way to phones at once; those beyond it are taken up later.
const MOST_ON_THE_WAY: usize = 1000;

/// "Message undeliverable": a number that is not on WhatsApp, say.
const UNDELIVERABLE: u32 = 131_026;

/// What may become of a message, in milliseconds after what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    delivered: u16,
    /// `None` for a phone that stays in its pocket.
    read: Option<u16>,
    /// It never reaches the phone.
    fails: bool,
    /// They have had enough, for so long.
    stops: Option<u16>,
}

impl Way {
    fn thrown(dice: &Dice) -> Self {
        Self {
            delivered: dice.between(700, 1600),
            read: (!dice.one_in(5)).then(|| dice.between(1500, 6000)),
            fails: dice.one_in(14),
            stops: dice.one_in(20).then(|| dice.between(20_000, 40_000)),
        }
    }
}

/// Plays WhatsApp until the server ends.
pub async fn play(run: Arc<Run>, seed: u64) {
    let dice = Dice::seeded(seed.wrapping_add(2));
    let on_the_way = Arc::new(DashSet::<NotificationId>::new());
    while run.rest(LOOK_EVERY).await {
        let messages = match run.client.messages_taken().await {
            Ok(messages) => messages,
            Err(error) => {
                run.complain(&error);
                continue;
            }
        };
        // Where the real WhatsApp has taken it, that one will say what became of it.
        for message in messages.into_iter().filter(|it| it.provider_id.is_none()) {
            if on_the_way.len() < MOST_ON_THE_WAY && on_the_way.insert(message.id) {
                let (run, on_the_way) = (Arc::clone(&run), Arc::clone(&on_the_way));
                let way = Way::thrown(&dice);
                run.tasks.clone().spawn(async move {
                    let stop = run.stop.clone();
                    let journey = journey(&run, &message, way);
                    if let Some(Err(error)) = stop.run_until_cancelled(journey).await {
                        run.complain(&error);
                    }
                    on_the_way.remove(&message.id);
                });
            }
        }
    }
}

/// What becomes of one message.
async fn journey(run: &Run, message: &SeenMessage, way: Way) -> Result<(), ClientError> {
    let wamid = wamid(run);
    let report = async |status| {
        let said = status_report(message.id, &wamid, status, run.client.clock.now());
        tell(run, &said).await
    };
    report(ReceiptStatus::Sent).await?;
    nap(way.delivered).await;
    if way.fails {
        return report(ReceiptStatus::Failed).await;
    }
    report(ReceiptStatus::Delivered).await?;
    let Some(read) = way.read else { return Ok(()) };
    nap(read).await;
    report(ReceiptStatus::Read).await?;
    let Some((pause, guest)) = way.stops.zip(owner(message)) else { return Ok(()) };
    let (enough, again) = guest.keywords();
    say(run, guest, enough).await?;
    nap(pause).await;
    say(run, guest, again).await
}

async fn nap(milliseconds: u16) {
    tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
}

/// Whose phone it is. The server tells the last digits only, and tonight these are enough.
fn owner(message: &SeenMessage) -> Option<&'static Guest> {
    let digits = message.recipient.as_deref()?.trim_start_matches('…');
    GUESTS.iter().find(|it| !digits.is_empty() && it.phone.ends_with(digits))
}

/// Somebody writes to the restaurant.
async fn say(run: &Run, guest: &Guest, words: &str) -> Result<(), ClientError> {
    let message = json!({
        "from": guest.phone.trim_start_matches('+'),
        "id": wamid(run),
        "type": "text",
        "timestamp": run.client.clock.now().as_second().to_string(),
        "text": {"body": words},
    });
    tell(run, &call("messages", &message)).await
}

/// A name for a message, such as WhatsApp gives.
fn wamid(run: &Run) -> String {
    format!("wamid.demo-{}", run.client.mint.uuid(run.client.clock.now()).simple())
}

/// Reports to the server, signed. Without a secret nobody would believe it.
async fn tell(run: &Run, call: &Value) -> Result<(), ClientError> {
    let secret = run.client.secret_of(PARTNER).ok_or(ClientError::NoSecret(PARTNER))?;
    let body = call.to_string().into_bytes();
    run.client.deliver(PARTNER, vec![signed(secret, &body)], body).await
}

fn signed(secret: &str, body: &[u8]) -> (&'static str, String) {
    let signature = mac::to_hex(&mac::hmac_sha256(secret.as_bytes(), &[body]));
    ("x-hub-signature-256", format!("sha256={signature}"))
}

fn status_report(id: NotificationId, wamid: &str, status: ReceiptStatus, now: Timestamp) -> Value {
    let mut said = json!({
        "id": wamid,
        "status": status,
        "timestamp": now.as_second().to_string(),
        "biz_opaque_callback_data": id,
    });
    if let (ReceiptStatus::Failed, Value::Object(said)) = (status, &mut said) {
        let why = json!({"code": UNDELIVERABLE, "title": "Message undeliverable"});
        said.insert("errors".to_owned(), json!([why]));
    }
    call("statuses", &said)
}

fn call(what: &str, said: &Value) -> Value {
    let value = json!({"messaging_product": "whatsapp", what: [said]});
    let change = json!({"field": "messages", "value": value});
    let entry = json!({"id": "demo", "changes": [change]});
    json!({"object": "whatsapp_business_account", "entry": [entry]})
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::messaging::whatsapp::{Said, read};

    fn now() -> Timestamp {
        "2026-11-20T18:30:00Z".parse().unwrap()
    }

    #[test]
    fn the_server_understands_every_report() {
        let id = NotificationId::from_uuid(Uuid::from_u128(7));
        for status in ReceiptStatus::ALL {
            let body = status_report(id, "wamid.1", *status, now()).to_string();
            let said = read(body.as_bytes(), now()).unwrap();
            let [Said::Receipt(receipt)] = &said[..] else { panic!("{said:?}") };
            assert_eq!((receipt.notification, receipt.status), (Some(id), *status));
            let code = receipt.why.as_ref().map(|it| it.code.as_str());
            assert_eq!(code, (*status == ReceiptStatus::Failed).then_some("131026"));
        }
    }

    #[test]
    fn the_last_digits_tell_whose_phone_it_is() {
        let id = NotificationId::from_uuid(Uuid::from_u128(7));
        for guest in &GUESTS {
            let recipient = Some(format!("…{}", &guest.phone[guest.phone.len() - 3..]));
            assert_eq!(owner(&SeenMessage { id, recipient, provider_id: None }), Some(guest));
        }
        assert_eq!(owner(&SeenMessage { id, recipient: None, provider_id: None }), None);
    }

    #[test]
    fn in_an_evening_messages_are_read_left_unread_lost_and_too_many() {
        let dice = Dice::seeded(1);
        let ways: Vec<_> = (0..200).map(|_| Way::thrown(&dice)).collect();
        let read = ways.iter().filter(|it| !it.fails && it.read.is_some()).count();
        assert!((120..180).contains(&read), "most are read: {read}");
        assert!(ways.iter().any(|it| it.fails) && ways.iter().any(|it| it.read.is_none()));
        assert!(ways.iter().any(|it| it.stops.is_some()));
    }
}
