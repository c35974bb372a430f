// One sound plays at a time, to the sample: what it is switched to goes on where the other was.
const FADE_SECONDS = 0.008;

class Player {
  constructor() {
    this.decoded = new Map();
    this.wish = 0;  // counts what was asked for, so that what comes late is not played
    this.now = null;
  }

  async sound(take) {
    if (!this.decoded.has(take.id)) {
      const address = take.querySelector("audio").src;
      const bytes = Uint8Array.from(atob(address.slice(address.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
      this.decoded.set(take.id, this.context.decodeAudioData(bytes.buffer));
    }
    return this.decoded.get(take.id);
  }

  get position() {
    const { now } = this;
    return now ? Math.min(now.sound.duration, Math.max(0, this.context.currentTime - now.began)) : 0;
  }

  async play(take, from = 0, rest = []) {
    this.context ||= new AudioContext();
    const wish = ++this.wish;
    this.context.resume();
    let sound;
    try {
      sound = await this.sound(take);
    } catch {
      take.classList.add("native");  // the browser's own player may know better, and says so if not
      return;
    }
    if (wish !== this.wish) return;
    const same = from === null ? this.position : from;  // null: where the other one is by now
    this.silence();
    const source = this.context.createBufferSource(), gain = this.context.createGain(), at = this.context.currentTime;
    source.buffer = sound;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(1, at + FADE_SECONDS);
    source.connect(gain).connect(this.context.destination);
    const start = Math.min(same, sound.duration);
    source.start(at, start);
    this.now = { take, sound, source, gain, began: at - start };
    source.onended = () => {
      if (this.now?.source !== source) return;
      this.stop();
      if (rest.length) this.play(rest[0], 0, rest.slice(1));
    };
    show(take);
    requestAnimationFrame(follow);
  }

  silence() {
    if (!this.now) return;
    const { source, gain } = this.now, at = this.context.currentTime;
    gain.gain.cancelScheduledValues(at);
    gain.gain.setValueAtTime(1, at);
    gain.gain.linearRampToValueAtTime(0, at + FADE_SECONDS);
    source.stop(at + FADE_SECONDS);
    this.now = null;
  }

  stop() {
    this.wish++;
    this.silence();
    show(null);
  }
}

const player = new Player();
const cards = [...document.querySelectorAll(".sound")];
const chosen = new Map();  // by card, the take that A/B compares with the original

const canPlay = (take) => take && take.querySelector("audio");
const takeOf = (card) => chosen.get(card) || [...card.querySelectorAll(".take:not(.original)")].find(canPlay) || card.querySelector(".take.original");
const playingIn = (card) => player.now && card.contains(player.now.take) ? player.now.take : null;

function show(take) {
  for (const other of document.querySelectorAll(".take.playing")) {
    other.classList.remove("playing");
    other.querySelector("button.hear").textContent = "▶\uFE0E";
    other.querySelector(".head")?.setAttribute("visibility", "hidden");
  }
  if (take) {
    take.classList.add("playing");
    take.querySelector("button.hear").textContent = "■";
    take.querySelector(".head")?.setAttribute("visibility", "visible");
  }
  for (const card of cards) {
    const here = playingIn(card), original = Boolean(here?.classList.contains("original"));
    card.querySelector(".play").textContent = here ? "■ Stop" : "▶\uFE0E Play";
    card.querySelector(".ab")?.setAttribute("aria-pressed", String(original));
    if (!here) card.querySelector(".seek").value = 0;
  }
}

function follow() {
  if (!player.now) return;
  const { take, sound } = player.now, share = player.position / sound.duration;
  const head = take.querySelector(".head");
  const x = share * Number(take.querySelector(".wave").dataset.width);
  head?.setAttribute("x1", x);
  head?.setAttribute("x2", x);
  const seek = take.closest(".sound").querySelector(".seek");
  if (!seek.matches(":active")) seek.value = Math.round(1000 * share);
  requestAnimationFrame(follow);
}

function compare(card) {
  const here = playingIn(card), original = card.querySelector(".take.original");
  if (!canPlay(original)) return;
  const other = here === original || !here ? takeOf(card) : original;
  if (other !== here) player.play(other, here ? null : 0);
}

for (const card of cards) {
  for (const take of card.querySelectorAll(".take")) {
    if (!canPlay(take)) continue;
    if (!take.classList.contains("original")) take.addEventListener("click", () => chosen.set(card, take), true);
    take.querySelector("button.hear").addEventListener("click", () =>
      player.now?.take === take ? player.stop() : player.play(take));
    take.querySelector(".wave").addEventListener("click", async (event) => {
      const box = event.currentTarget.getBoundingClientRect(), width = Number(event.currentTarget.dataset.width);
      const share = Math.min(1, (event.clientX - box.left) / box.width * 300 / width);
      player.context ||= new AudioContext();
      try { player.play(take, share * (await player.sound(take)).duration); } catch { player.play(take); }
    });
  }
  card.querySelector(".play").addEventListener("click", () => {
    if (playingIn(card)) player.stop(); else if (canPlay(takeOf(card))) player.play(takeOf(card));
  });
  card.querySelector(".ab")?.addEventListener("click", () => compare(card));
  card.querySelector(".row")?.addEventListener("click", () => {
    const row = card.dataset.row.split(" ").map((id) => document.getElementById(id));
    player.play(row[0], 0, row.slice(1));
  });
  card.querySelector(".seek").addEventListener("input", (event) => {
    const here = playingIn(card);
    if (here) player.play(here, event.target.value / 1000 * player.now.sound.duration);
  });
  card.addEventListener("keydown", (event) => {
    if (event.key === "a" && !event.ctrlKey && !event.metaKey && !event.altKey) compare(card);
  });
}
