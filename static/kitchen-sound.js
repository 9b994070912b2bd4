// The bell for new orders, made of two tones (no file to fetch), and the lock that keeps the screen awake.

const REPEAT = 10_000;
/** When an order is about to expire. */
const HURRIED = 3_000;

export class Bell {
  constructor() {
    this.context = null;
    this.ringing = new Set();
    this.timer = null;
    this.hurried = false;
  }

  get unlocked() {
    return this.context?.state === "running";
  }

  /** Browsers allow sound only after a touch; must be called from one. */
  async allow() {
    try {
      this.context ??= new AudioContext();
      await this.context.resume();
    } catch {
      // No sound on this device: the gate stays and says so.
    }
  }

  /** Rings now and every ten seconds until the order is hushed. Sound and card come from the same event. */
  start(orderId) {
    this.ringing.add(orderId);
    this.ring();
    this.#repeat();
  }

  /** Whether it rings faster, because an order is about to expire. */
  hurry(hurried) {
    if (this.hurried === hurried) return;
    this.hurried = hurried;
    clearInterval(this.timer);
    this.timer = null;
    if (this.ringing.size > 0) this.#repeat();
  }

  #repeat() {
    this.timer ??= setInterval(() => this.ring(), this.hurried ? HURRIED : REPEAT);
  }

  hush(orderId) {
    this.ringing.delete(orderId);
    if (this.ringing.size > 0) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  ring() {
    if (!this.unlocked) return;
    const start = this.context.currentTime;
    [880, 1175, 880].forEach((pitch, index) => this.#tone(pitch, start + index * 0.22));
  }

  #tone(pitch, at) {
    const [wave, volume] = [this.context.createOscillator(), this.context.createGain()];
    wave.type = "triangle";
    wave.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.6, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.3);
    wave.connect(volume).connect(this.context.destination);
    wave.start(at);
    wave.stop(at + 0.32);
  }
}

/** Keeps the screen on where the browser can; a hidden page loses the lock and takes it again. */
export function stayAwake() {
  if (!("wakeLock" in navigator)) return;
  const take = () => document.visibilityState === "visible" && navigator.wakeLock.request("screen").catch(() => {});
  document.addEventListener("visibilitychange", take);
  take();
}
