"use strict";

// Asks for rows that are newer than the newest one here and puts them on top. The
// rows come as HTML that the collector has escaped; this script makes none itself.

const EVERY_MS = 1000;
const ROWS_MAX = 1000;

const body = document.body;
const rows = document.getElementById("rows");
const status = document.getElementById("status");
const pause = document.getElementById("pause");

function show(text) {
  // A live region that is set again is read out again.
  if (status.textContent !== text) status.textContent = text;
}

function showAmount() {
  const amount = rows.rows.length;
  document.getElementById("empty").hidden = amount > 0;
  rows.closest("table").hidden = amount === 0;
  if (amount === 0) show("Waiting for messages");
  else show(`${amount} ${amount === 1 ? "message" : "messages"} shown`);
}

async function poll() {
  if (pause.getAttribute("aria-pressed") === "true" || document.hidden) return;
  const answer = await fetch(`rows?after=${body.dataset.cursor}`);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const html = await answer.text();
  body.dataset.cursor = answer.headers.get("X-Cursor");
  rows.insertAdjacentHTML("afterbegin", html);
  while (rows.rows.length > ROWS_MAX) rows.deleteRow(-1);
  showAmount();
}

async function keepPolling() {
  try {
    await poll();
  } catch {
    show("The collector does not answer");
  }
  setTimeout(keepPolling, EVERY_MS);
}

pause.addEventListener("click", () => {
  const paused = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(paused));
  if (paused) show("Paused");
});

document.getElementById("clear").addEventListener("click", async () => {
  try {
    const answer = await fetch("api/messages", { method: "DELETE" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    rows.replaceChildren();
    showAmount();
  } catch {
    show("The messages could not be cleared");
  }
});

document.querySelector(".actions").hidden = false;
showAmount();
setTimeout(keepPolling, EVERY_MS);
