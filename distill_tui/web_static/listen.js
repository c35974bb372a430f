// New previews appear on top by themselves; one sound plays at a time.
"use strict";
const SECONDS = 3;
const previews = document.getElementById("previews");

previews.addEventListener("play", (event) => {
  for (const audio of previews.querySelectorAll("audio")) if (audio !== event.target) audio.pause();
}, true);

function place(section) {
  const former = document.getElementById(section.id);
  if (former) {
    // What plays is left as it is: the rest of its step comes with the next look.
    if ([...former.querySelectorAll("audio")].some((audio) => !audio.paused)) return false;
    former.replaceWith(section);
    return true;
  }
  const step = (element) => Number(element.id.slice(5));
  const older = [...previews.children].find((other) => step(other) < step(section));
  previews.insertBefore(section, older || null);
  return true;
}

let known = Number(previews.dataset.count);
async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch("rows?after=" + known, { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    const news = await answer.json();
    document.getElementById("standing").textContent = news.standing;
    document.getElementById("empty").textContent = news.empty;
    const room = document.createElement("template");
    room.innerHTML = news.sections;  // the server has escaped every name in it
    if ([...room.content.children].map(place).every(Boolean)) known = news.count;
  } catch {
    document.getElementById("standing").textContent = "not reached: is the program still running, and the ssh line up?";
  }
}
setInterval(look, SECONDS * 1000);
document.addEventListener("visibilitychange", look);
