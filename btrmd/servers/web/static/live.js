/* Keeps System Status alive with what static/feed.js hears, and says when nothing comes. */
"use strict";
(() => {
  const cells = new Map();
  for (const cell of document.querySelectorAll("[data-key]")) {
    cells.set(cell.dataset.key, [...(cells.get(cell.dataset.key) || []), cell]);
  }
  const texts = new Map(); // of the power flow
  for (const text of document.querySelectorAll("[data-live]")) texts.set(text.dataset.live, text);
  const link = document.getElementById("link");
  const linkText = document.getElementById("link-text");
  const notGood = new Map(); // key -> entry, for ages that grow
  const { when, age } = window.btrmd;
  let plantAt = 0;
  let isLost = false;
  let flowText = "";
  let shownAlarms = null;

  const set = (node, text) => {
    if (node && node.textContent !== text) node.textContent = text;
  };
  function note(entry) {
    const words = { bad: "no reading", stale: "not renewed" }[entry.quality] || entry.quality;
    if (entry.quality === "missing" || !entry.at) return words;
    return `${words} for ${age(plantAt - Date.parse(entry.at))}`;
  }

  function show(key, entry) {
    set(texts.get(key), entry.flow);
    for (const cell of cells.get(key) || []) {
      const isGood = entry.quality === "good" || (entry.quality === "missing" && "missing" in cell.dataset);
      set(cell.querySelector(".value"), entry.text);
      set(cell.querySelector(".note"), isGood ? "" : note(entry));
      const tone = key === "capacity.state" ? { good: "good", low: "low" }[entry.value] || "" : "";
      cell.className = `cell ${isGood ? "good" : entry.quality} ${tone && `tone-${tone}`}`.trim();
      if (isGood) notGood.delete(key);
      else notGood.set(key, entry);
    }
  }

  function element(name, text, className) {
    const node = document.createElement(name);
    node.textContent = text;
    if (className) node.className = className;
    return node;
  }

  function showAlarms(alarms) {
    shownAlarms = alarms;
    const box = document.getElementById("alarms");
    const list = document.createElement("ul");
    for (const alarm of alarms) {
      const state = (alarm.active ? "active" : "latched") + (alarm.acknowledged ? ", acknowledged" : "");
      const line = document.createElement("li");
      line.append(
        element("strong", alarm.text), " ",
        element("span", `${alarm.key}, ${state}, since ${when(alarm.since)}`, "note"),
      );
      if (alarm.advice) line.append(element("span", alarm.advice, "advice"));
      line.dataset.alarm = alarm.key;
      const offer = document.getElementById("acknowledge");
      if (!alarm.acknowledged && offer) {
        const way = offer.content.cloneNode(true);
        const key = way.querySelector("[name=key]");
        if (key) key.value = alarm.key;
        line.append(" ", way);
      }
      list.append(line);
    }
    const fresh = alarms.length ? list : element("p", "No alarm.");
    box.parentElement.className = `card alarms ${alarms.length ? "bad" : "good"}`;
    if (box.textContent.replace(/\s+/g, " ").trim() === fresh.textContent.replace(/\s+/g, " ").trim()) return;
    box.replaceChildren(fresh);
  }

  function showCard(card) {
    document.getElementById("card").dataset.tone = card.tone;
    set(document.getElementById("card-title"), card.title);
    set(document.getElementById("card-heading"), card.heading);
    const rows = document.getElementById("card-rows");
    rows.replaceChildren(...card.rows.map(([label, text]) => {
      const row = document.createElement("div");
      row.append(element("dt", label), element("dd", text));
      return row;
    }));
  }

  function showFlow(flow) {
    for (const [kind, states] of [["node", flow.nodes], ["switch", flow.switches]]) {
      for (const [name, state] of Object.entries(states)) {
        document.querySelector(`#flow [data-${kind}="${name}"]`).dataset.state = state;
      }
    }
    for (const [name, speed] of Object.entries(flow.wires)) {
      document.querySelector(`#flow [data-wire="${name}"]`).dataset.speed = speed;
    }
    flowText = flow.text;
    set(document.getElementById("flow-text"), flowText);
  }

  // The lines of the last hour: drawn by the unit, asked for once a minute.
  async function drawHours() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/", { headers: { "X-Refresh": "1" }, cache: "no-store" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const place of document.querySelectorAll("[data-hour]")) {
        const other = fresh.querySelector(`[data-hour="${place.dataset.hour}"]`);
        if (other) place.replaceChildren(...other.childNodes);
      }
    } catch {
      // No connection: static/feed.js says so.
    }
  }

  function apply(message) {
    if (isLost) found();
    plantAt = Date.parse(message.at);
    set(document.getElementById("at"), when(message.at));
    for (const [key, entry] of Object.entries(message.points)) show(key, entry);
    for (const [key, entry] of notGood) {
      for (const cell of cells.get(key) || []) set(cell.querySelector(".note"), note(entry));
    }
    if ("alarms" in message) showAlarms(message.alarms);
    if ("card" in message) showCard(message.card);
    if ("flow" in message) showFlow(message.flow);
  }

  /* Nothing that is on the page is known any more: all of it says how old it is. */
  function lose(silent) {
    isLost = true;
    const since = when(plantAt ? new Date(plantAt).toISOString() : "", "clock");
    for (const [key, list] of cells) {
      if (notGood.has(key)) continue;
      for (const cell of list) set(cell.querySelector(".note"), `${age(silent)} old`);
    }
    set(document.getElementById("flow-text"), `What feeds the load is not known since ${since}.`);
    const box = document.getElementById("alarms");
    box.parentElement.className = "card alarms";
    const there = shownAlarms === null ? !!box.querySelector("li") : shownAlarms.length > 0;
    set(document.getElementById("alarms-lost"),
      `Not known since ${since}; ${there ? "these were there then:" : "there was none then."}`);
    box.hidden = !there;
  }

  function found() {
    isLost = false;
    for (const [key, list] of cells) {
      if (!notGood.has(key)) for (const cell of list) set(cell.querySelector(".note"), "");
    }
    if (flowText) set(document.getElementById("flow-text"), flowText);
    set(document.getElementById("alarms-lost"), "");
    document.getElementById("alarms").hidden = false;
    if (shownAlarms) showAlarms(shownAlarms);
  }

  const WORDS = { live: "Connected", slow: "Waiting for data", still: "The unit does not measure" };
  document.addEventListener("btrmd-link", ({ detail }) => {
    const state = detail.link === "still" ? "lost" : detail.link;
    if (!link.classList.contains(state)) link.className = `link ${state}`;
    set(linkText, WORDS[detail.link] || `No connection for ${detail.age}`);
    if (detail.link === "lost") lose(detail.silent);
  });
  document.addEventListener("btrmd-data", ({ detail }) => apply(detail));
  plantAt = Date.parse(document.getElementById("at").dataset.at);
  setInterval(drawHours, 60000);
})();
