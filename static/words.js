// Every word the customer's page and the kitchen screen show: [English, Arabic] side by side, so neither can lack one.
// What only the ops page says stands in ops-words.js.

export const WORDS = {
  "lang.other": ["عربي", "English"],

  // What happens to an order, as the customer reads it.
  "head.pending_payment": ["Waiting for payment", "بانتظار الدفع"],
  "head.placed": ["We have your order", "وصلنا طلبك"],
  "head.accepted": ["Your order is confirmed", "تم تأكيد طلبك"],
  "head.preparing": ["Your order is being prepared", "طلبك قيد التحضير"],
  "head.ready": ["Your order is ready", "طلبك جاهز"],
  "head.out_for_delivery": ["Your order is on its way", "طلبك في الطريق إليك"],
  "head.delivered": ["Your order was delivered", "تم توصيل طلبك"],
  "head.picked_up": ["You collected your order", "استلمت طلبك"],
  "head.served": ["Your order was served", "تم تقديم طلبك"],
  "head.rejected": ["The restaurant couldn’t take this order", "اعتذر المطعم عن قبول الطلب"],
  "head.expired": ["This order wasn’t confirmed in time", "لم يتم تأكيد الطلب في الوقت المحدد"],
  "head.cancelled": ["This order was cancelled", "تم إلغاء الطلب"],
  "head.failed": ["This order couldn’t be completed", "تعذّر إتمام الطلب"],

  "text.pending_payment": ["The restaurant gets your order as soon as the payment goes through.", "سيصل طلبك إلى المطعم فور إتمام الدفع."],
  "text.placed": ["The restaurant will confirm it in a moment.", "سيؤكده المطعم خلال لحظات."],
  "text.accepted": ["The kitchen will start on it shortly.", "سيبدأ المطبخ بتحضيره بعد قليل."],
  "text.preparing": ["The kitchen is working on it now.", "يعمل المطبخ على تحضيره الآن."],
  "text.ready.delivery": ["Packed, and waiting for the courier.", "تم تغليفه وهو بانتظار مندوب التوصيل."],
  "text.ready.pickup": ["You can collect it now. Please give your order number at the counter.", "يمكنك استلامه الآن. يرجى ذكر رقم الطلب عند الاستلام."],
  "text.ready.dine_in": ["It will be at your table in a moment.", "سيكون على طاولتك خلال لحظات."],
  "text.out_for_delivery": ["The courier has left the restaurant.", "غادر مندوب التوصيل المطعم."],
  "text.delivered": ["Enjoy your meal.", "بالهناء والعافية."],
  "text.picked_up": ["Enjoy your meal.", "بالهناء والعافية."],
  "text.served": ["Enjoy your meal.", "بالهناء والعافية."],

  "why.item_unavailable": ["Something you ordered is not available today.", "أحد الأصناف المطلوبة غير متوفر اليوم."],
  "why.too_busy": ["The kitchen is too busy to take more orders right now.", "المطبخ مشغول جدًا ولا يستطيع قبول طلبات إضافية حاليًا."],
  "why.closed": ["The restaurant is closed at the moment.", "المطعم مغلق حاليًا."],
  "why.no_courier": ["No courier was available.", "لم يتوفر مندوب توصيل."],
  "why.address_problem": ["There was a problem with the address.", "توجد مشكلة في العنوان."],
  "why.customer_request": ["It was cancelled at your request.", "تم إلغاؤه بناءً على طلبك."],
  "why.technical": ["A technical problem on our side stopped it. We are sorry.", "حال خلل تقني من جهتنا دون إتمامه. نعتذر منك."],
  "why.test_order": ["It was a test order.", "كان هذا طلبًا تجريبيًا."],
  "why.other": ["Please call the restaurant if you have a question.", "يرجى الاتصال بالمطعم إذا كان لديك أي استفسار."],
  "why.expired": ["The restaurant didn’t answer in time. Please order again or call them.", "لم يردّ المطعم في الوقت المحدد. يرجى إعادة الطلب أو الاتصال به."],

  "step.placed": ["Received", "تم الاستلام"],
  "step.preparing": ["Preparing", "التحضير"],
  "step.ready": ["Ready", "جاهز"],
  "step.out_for_delivery": ["On the way", "في الطريق"],
  "step.delivered": ["Delivered", "تم التوصيل"],
  "step.picked_up": ["Collected", "تم التسليم"],
  "step.served": ["Served", "تم التقديم"],
  "step.rejected": ["Not accepted", "لم يُقبل"],
  "step.expired": ["Not confirmed in time", "لم يؤكَّد في الوقت"],
  "step.cancelled": ["Cancelled", "أُلغي"],
  "step.failed": ["Not completed", "لم يكتمل"],
  "step.confirmed": ["Confirmed {time}", "تم التأكيد {time}"],

  "courier.title": ["Courier", "مندوب التوصيل"],
  "courier.call": ["Call {name}", "اتصل بـ {name}"],
  "courier.callShort": ["Call", "اتصال"],
  "courier.map": ["Follow on the map", "تابع على الخريطة"],
  "courier.searching": ["Looking for a courier", "جارٍ البحث عن مندوب"],
  "courier.assigned": ["Will bring your order", "سيوصل طلبك"],
  "courier.at_store": ["At the restaurant", "في المطعم"],
  "courier.picked_up": ["Has your order", "استلم طلبك"],
  "courier.en_route": ["On the way to you", "في الطريق إليك"],
  "courier.nearby": ["Almost there", "اقترب منك"],
  "courier.at_door": ["At your door", "عند بابك"],
  "courier.delivered": ["Brought your order", "أوصل طلبك"],
  "courier.failed_attempt": ["Couldn’t reach you", "لم يتمكن من الوصول إليك"],
  "courier.returning": ["On the way back to the restaurant", "في طريق العودة إلى المطعم"],
  "courier.returned": ["Back at the restaurant", "عاد إلى المطعم"],

  "track.title": ["Order tracking", "تتبّع الطلب"],
  "track.order": ["Order", "طلب"],
  "track.page": ["{status} · Order {number}", "{status} · طلب {number}"],
  "track.arrives": ["Arrives about", "يصل حوالي"],
  "track.readyAt": ["Ready about", "يجهز حوالي"],
  "track.in": ["in {minutes}", "خلال {minutes}"],
  "track.anyMinute": ["any minute now", "بين لحظة وأخرى"],
  "track.changes": ["Times are estimates; small changes are normal.", "الأوقات تقديرية، والتغييرات البسيطة طبيعية."],
  "track.progress": ["Progress", "مراحل الطلب"],
  "track.done": ["done", "تمت"],
  "track.now": ["now", "الآن"],
  "track.items": ["Your order", "تفاصيل الطلب"],
  "track.note": ["Note: {note}", "ملاحظة: {note}"],
  "track.yourNote": ["Your note", "ملاحظتك"],
  "track.other": ["Extras, delivery and fees", "الإضافات والتوصيل والرسوم"],
  "track.discount": ["Discount", "الخصم"],
  "track.total": ["Total", "المجموع"],
  "track.to": ["Delivery to", "التوصيل إلى"],
  "track.updated": ["Last change {time}", "آخر تغيير {time}"],
  "track.loading": ["Loading your order…", "جارٍ تحميل طلبك…"],
  "track.goneTitle": ["This link no longer works", "لم يعد هذا الرابط صالحًا"],
  "track.goneText": ["Tracking links end some time after the order. Please open the newest message from the restaurant, or call them.", "تنتهي صلاحية روابط التتبّع بعد الطلب بمدة. يرجى فتح أحدث رسالة من المطعم أو الاتصال به."],
  "track.ended": ["This link has ended. You see the last known state.", "انتهت صلاحية الرابط، وما تراه هو آخر حالة معروفة."],

  "live.connecting": ["Connecting…", "جارٍ الاتصال…"],
  "live.live": ["Live", "مباشر"],
  "live.behind": ["Delayed", "متأخر"],
  "live.offline": ["Reconnecting…", "جارٍ إعادة الاتصال…"],
  "live.halted": ["Not updating", "لا يوجد تحديث"],
  "live.staleBehind": ["Updates are late at the moment. This was right at {time}.", "التحديثات متأخرة حاليًا. هذه المعلومات صحيحة حتى {time}."],
  "live.staleOffline": ["No connection. This was right at {time}.", "لا يوجد اتصال. هذه المعلومات صحيحة حتى {time}."],
  "live.polling": ["Slow connection: updated every 20 seconds.", "الاتصال بطيء: يتم التحديث كل 20 ثانية."],

  "pay.label": ["Payment", "الدفع"],
  "pay.pending": ["Payment pending", "الدفع قيد الانتظار"],
  "pay.authorized": ["Payment approved", "تمت الموافقة على الدفع"],
  "pay.captured": ["Paid", "مدفوع"],
  "pay.partially_refunded": ["Partly refunded", "تمت إعادة جزء من المبلغ"],
  "pay.refunded": ["Refunded", "تمت إعادة المبلغ"],
  "pay.failed": ["Payment failed", "فشل الدفع"],
  "pay.voided": ["Payment released", "أُلغي حجز المبلغ"],
  "pay.cash.delivery": ["Cash on delivery", "الدفع نقدًا عند الاستلام"],
  "pay.cash": ["Cash", "نقدًا"],
  "pay.card": ["Card", "بطاقة"],

  "fulfilment.delivery": ["Delivery", "توصيل"],
  "fulfilment.pickup": ["Pickup", "استلام"],
  "fulfilment.dine_in": ["Dine-in", "داخل المطعم"],

  // Short, as a kitchen says it.
  "kind.delivery": ["Delivery", "توصيل"],
  "kind.pickup": ["Pickup", "استلام"],
  "kind.dine_in": ["Dine-in", "محلي"],

  "status.pending_payment": ["waiting for payment", "بانتظار الدفع"],
  "status.placed": ["new", "جديد"],
  "status.accepted": ["accepted", "مقبول"],
  "status.preparing": ["preparing", "قيد التحضير"],
  "status.ready": ["ready", "جاهز"],
  "status.out_for_delivery": ["with the courier", "مع المندوب"],
  "status.delivered": ["delivered", "تم توصيله"],
  "status.picked_up": ["collected", "تم تسليمه"],
  "status.served": ["served", "تم تقديمه"],
  "status.rejected": ["rejected", "مرفوض"],
  "status.expired": ["expired", "منتهي المهلة"],
  "status.cancelled": ["cancelled", "ملغى"],
  "status.failed": ["failed", "لم يكتمل"],

  "source.app": ["App", "التطبيق"],
  "source.careem": ["Careem", "كريم"],
  "source.talabat": ["Talabat", "طلبات"],
  "source.foodics": ["Foodics", "فودكس"],
  "source.deliveroo": ["Deliveroo", "ديليفرو"],
  "source.uber": ["Uber Eats", "أوبر إيتس"],
  "source.deliverect": ["Deliverect", "ديليفركت"],
  "source.otter": ["Otter", "أوتر"],

  "station.grill": ["Grill", "الشواية"],
  "station.fry": ["Fry", "المقلاة"],
  "station.drinks": ["Drinks", "المشروبات"],
  "station.cold": ["Cold", "البارد"],
  "station.salad": ["Salad", "السلطات"],
  "station.oven": ["Oven", "الفرن"],
  "station.dessert": ["Dessert", "الحلويات"],
  "station.bar": ["Bar", "البار"],
  "station.none": ["Other", "أخرى"],

  "ticket.held": ["waiting", "بالانتظار"],
  "ticket.queued": ["to do", "لم يبدأ"],
  "ticket.in_progress": ["cooking", "قيد التحضير"],
  "ticket.done": ["done", "جاهز"],
  "ticket.recalled": ["again", "إعادة"],
  "ticket.voided": ["void", "ملغى"],

  // The kitchen screen.
  "kitchen.title": ["Kitchen", "المطبخ"],
  "kitchen.new": ["New", "جديد"],
  "kitchen.cooking": ["Cooking", "قيد التحضير"],
  "kitchen.ready": ["Ready", "جاهز"],
  "kitchen.accept": ["Accept", "قبول"],
  "kitchen.reject": ["Reject", "رفض"],
  "kitchen.answerWithin": ["Answer within {time}", "أجب خلال {time}"],
  "kitchen.start": ["Start", "ابدأ"],
  "kitchen.bump": ["Done", "تم"],
  "kitchen.bumpAll": ["All done", "تم الكل"],
  "kitchen.handover.delivery": ["Courier has it", "استلمه المندوب"],
  "kitchen.handover.pickup": ["Collected", "تم التسليم"],
  "kitchen.handover.dine_in": ["Served", "تم التقديم"],
  "kitchen.dismiss": ["Remove", "إزالة"],
  "kitchen.sending": ["Sending…", "جارٍ الإرسال…"],
  "kitchen.queued": ["Not sent yet", "لم يُرسل بعد"],
  "kitchen.stop": ["Stop: order {status}", "توقّف: الطلب {status}"],
  "kitchen.recalled": ["Recalled", "أُعيد للتحضير"],
  "kitchen.alsoAt": ["Also at: {stations}", "أيضًا في: {stations}"],
  "kitchen.recall": ["Recall", "استرجاع"],
  "kitchen.recallTitle": ["Bring back to the kitchen", "إعادة إلى المطبخ"],
  "kitchen.recallEmpty": ["Nothing to bring back yet.", "لا يوجد ما يمكن إعادته بعد."],
  "kitchen.recallNo": ["With the courier", "مع المندوب"],
  "kitchen.allDay": ["All day", "المجموع"],
  "kitchen.allDayEmpty": ["No open items.", "لا توجد أصناف مفتوحة."],
  "kitchen.close": ["Close", "إغلاق"],
  "kitchen.whyReject": ["Why is order {number} rejected?", "ما سبب رفض الطلب {number}؟"],
  "kitchen.empty": ["No open orders", "لا توجد طلبات مفتوحة"],
  "kitchen.emptyText": ["New orders appear here by themselves.", "ستظهر الطلبات الجديدة هنا تلقائيًا."],
  "kitchen.loading": ["Loading orders…", "جارٍ تحميل الطلبات…"],
  "kitchen.more": ["{n} more below", "المزيد في الأسفل: {n}"],
  "kitchen.soundOff": ["Sound is off. Tap here so that new orders ring.", "الصوت متوقف. اضغط هنا ليرنّ الجرس عند وصول طلب جديد."],
  "kitchen.staleOffline": ["No connection — orders may be missing", "لا يوجد اتصال — قد تكون هناك طلبات لا تظهر"],
  "kitchen.staleBehind": ["The server is behind — orders may be missing", "الخادم متأخر — قد تكون هناك طلبات لا تظهر"],
  "kitchen.dataAge": ["data is {age} old", "عمر البيانات {age}"],
  "kitchen.noData": ["no data yet", "لا بيانات بعد"],
  "kitchen.queue": ["{n} unsent", "{n} لم تُرسل"],
  "kitchen.stats.orders": ["Today", "اليوم"],
  "kitchen.stats.accept": ["To accept", "حتى القبول"],
  "kitchen.stats.ready": ["To ready", "حتى الجاهزية"],
  "kitchen.test": ["Test the sound", "تجربة الصوت"],

  "reason.item_unavailable": ["Item unavailable", "صنف غير متوفر"],
  "reason.too_busy": ["Too busy", "ضغط عمل"],
  "reason.closed": ["Closed", "المطعم مغلق"],
  "reason.no_courier": ["No courier", "لا يوجد مندوب"],
  "reason.address_problem": ["Address problem", "مشكلة في العنوان"],
  "reason.customer_request": ["Customer asked", "بطلب من الزبون"],
  "reason.technical": ["Technical problem", "خلل تقني"],
  "reason.test_order": ["Test order", "طلب تجريبي"],
  "reason.other": ["Other", "سبب آخر"],

  "fail.moved": ["Order {number}: not done. It is already {status}.", "الطلب {number}: لم يُنفَّذ. حالته الآن: {status}."],
  "fail.changed": ["Order {number}: not done. It changed meanwhile, please look again.", "الطلب {number}: لم يُنفَّذ. تغيّر في هذه الأثناء، يرجى مراجعته."],
  "fail.forbidden": ["Order {number}: this screen may not do that.", "الطلب {number}: لا تملك هذه الشاشة صلاحية ذلك."],
  "fail.gone": ["Order {number} is not known to the server.", "الطلب {number} غير معروف لدى الخادم."],
  "fail.other": ["Order {number}: not done ({message}).", "الطلب {number}: لم يُنفَّذ ({message})."],
  "fail.topic": ["This screen may not watch the store {store}.", "لا تملك هذه الشاشة صلاحية متابعة الفرع {store}."],

  "login.title": ["Open the kitchen screen", "فتح شاشة المطبخ"],
  "login.text": ["Paste the access token that was made for this screen.", "ألصق رمز الدخول المخصّص لهذه الشاشة."],
  "login.ended": ["The access token has ended. Paste a new one; unsent taps are kept.", "انتهت صلاحية رمز الدخول. ألصق رمزًا جديدًا؛ ما لم يُرسل محفوظ."],
  "login.token": ["Access token", "رمز الدخول"],
  "login.store": ["Store (only if the token is for several)", "الفرع (فقط إن كان الرمز لعدة فروع)"],
  "login.which": ["This token is for several stores. Enter the id of one.", "هذا الرمز لعدة فروع. أدخل معرّف أحدها."],
  "login.bad": ["That is not an access token. It has three parts with dots between them.", "هذا ليس رمز دخول. يتكوّن الرمز من ثلاثة أجزاء بينها نقاط."],
  "login.go": ["Open", "فتح"],
};

export const LANGUAGES = ["en", "ar"];

/** The language out of a list of wishes: the first that we speak. `ar-JO` counts as `ar`. */
export function pickLanguage(...wishes) {
  const spoken = wishes.map((wish) => wish?.slice(0, 2).toLowerCase());
  return spoken.find((wish) => LANGUAGES.includes(wish)) ?? "en";
}

/** A speaker for one language: `say("track.in", { minutes: "5 min" })`. */
export function speaker(lang, words = WORDS) {
  const column = LANGUAGES.indexOf(lang);
  const say = (key, values = {}, fallback = key) =>
    (words[key]?.[column] ?? fallback).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  /** A name that an installation may have invented (a station, a partner): shown as written, with a capital. */
  say.named = (kind, slug) => say(`${kind}.${slug}`, {}, String(slug).replaceAll(/[_-]+/g, " ").replace(/^\w/, (c) => c.toUpperCase()));
  say.lang = lang;
  return say;
}

/** Tells the document which language it is in. */
export function setLanguage(lang) {
  document.documentElement.lang = lang;
  document.documentElement.dir = lang === "ar" ? "rtl" : "ltr";
}

/** Remembering may be forbidden (private windows, locked-down tablets); nothing may break by it. */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it is asked again next time.
  }
}
