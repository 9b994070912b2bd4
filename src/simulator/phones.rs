//! WhatsApp and people's phones: says of every message that was written down what became of it, and lets people write back.
//!
//! Meta's "Webhooks" reference is what the reports are written from.

use std::{sync::Arc, time::Duration};

use dashmap::DashSet;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    base::mac,
    domain::{NotificationId, ReceiptStatus},
    simulator::{
        client::ClientError,
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

/// A message to somebody's phone, as far as WhatsApp looks at it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: NotificationId,
    /// The last digits of whom it is for.
    #[serde(default)]
    recipient: Option<String>,
    /// WhatsApp's name for it; `None` where no WhatsApp is configured.
    #[serde(default)]
    provider_id: Option<String>,
}

/// Plays WhatsApp until the server ends. `secret` signs what it reports: `whatsapp.app_secrets`.
pub async fn play(run: Arc<Run>, secret: SecretString, seed: u64) {
    let dice = Dice::seeded(seed.wrapping_add(2));
    let phones = Arc::new(Phones { run: Arc::clone(&run), secret });
    let on_the_way = Arc::new(DashSet::<NotificationId>::new());
    while run.rest(LOOK_EVERY).await {
        let messages = match phones.taken().await {
            Ok(messages) => messages,
            Err(error) => {
                run.complain(&error);
                continue;
            }
        };
        for message in messages {
            if on_the_way.len() < MOST_ON_THE_WAY && on_the_way.insert(message.id) {
                let (phones, on_the_way) = (Arc::clone(&phones), Arc::clone(&on_the_way));
                let way = Way::thrown(&dice);
                run.tasks.spawn(async move {
                    phones.carry(&message, way).await;
                    on_the_way.remove(&message.id);
                });
            }
        }
    }
}

struct Phones {
    run: Arc<Run>,
    secret: SecretString,
}

impl Phones {
    /// The newest messages that were taken, and of which nothing was heard since. Where the real WhatsApp has taken one, that will say
    /// what became of it.
    async fn taken(&self) -> Result<Vec<Message>, ClientError> {
        #[derive(Deserialize)]
        struct Page {
            notifications: Vec<Message>,
        }
        let path = "/v1/notifications?state=accepted&channel=whatsapp&limit=200";
        let Page { mut notifications } = self.run.client.get(path).await?;
        notifications.retain(|it| it.provider_id.is_none());
        Ok(notifications)
    }

    /// One message, as far as it gets before the server ends.
    async fn carry(&self, message: &Message, way: Way) {
        let journey = self.run.stop.run_until_cancelled(self.journey(message, way)).await;
        if let Some(Err(error)) = journey {
            self.run.complain(&error);
        }
    }

    async fn journey(&self, message: &Message, way: Way) -> Result<(), ClientError> {
        let wamid = self.wamid();
        let report =
            async |status| self.tell(&receipt(message.id, &wamid, status, self.now())).await;
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
        self.write_back(guest, enough).await?;
        nap(pause).await;
        self.write_back(guest, again).await
    }

    /// Somebody writes to the restaurant.
    async fn write_back(&self, guest: &Guest, words: &str) -> Result<(), ClientError> {
        let message = json!({
            "from": guest.phone.trim_start_matches('+'),
            "id": self.wamid(),
            "type": "text",
            "timestamp": self.now().as_second().to_string(),
            "text": {"body": words},
        });
        self.tell(&call("messages", &message)).await
    }

    /// Reports to the server, signed.
    async fn tell(&self, call: &Value) -> Result<(), ClientError> {
        let body = call.to_string().into_bytes();
        let key = self.secret.expose_secret().as_bytes();
        let signature = hex::encode(mac::hmac_sha256(key, &[&body]));
        let proof = ("x-hub-signature-256", format!("sha256={signature}"));
        self.run.client.deliver("/v1/webhooks/whatsapp", proof, body).await
    }

    /// A name for a message, such as WhatsApp gives.
    fn wamid(&self) -> String {
        format!("wamid.demo-{}", self.run.client.mint.uuid(self.now()).simple())
    }

    fn now(&self) -> Timestamp {
        self.run.client.clock.now()
    }
}

async fn nap(milliseconds: u16) {
    tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
}

/// Whose phone it is. The server tells the last digits only, and tonight these are enough.
fn owner(message: &Message) -> Option<&'static Guest> {
    let digits = message.recipient.as_deref()?.trim_start_matches('…');
    GUESTS.iter().find(|it| !digits.is_empty() && it.phone.ends_with(digits))
}

fn receipt(id: NotificationId, wamid: &str, status: ReceiptStatus, now: Timestamp) -> Value {
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
            let body = receipt(id, "wamid.1", *status, now()).to_string();
            let said = read(body.as_bytes(), None, now()).unwrap();
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
            assert_eq!(owner(&Message { id, recipient, provider_id: None }), Some(guest));
        }
        assert_eq!(owner(&Message { id, recipient: None, provider_id: None }), None);
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
