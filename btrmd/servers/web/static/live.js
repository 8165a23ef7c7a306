/* Keeps System Status alive: a stream of changes, else a question every 5 s, else what is shown. */
"use strict";
(() => {
  const DASH = "—";
  const SLOW_MS = 5000;
  const LOST_MS = 15000;
  const POLL_MS = 5000;
  const cells = new Map();
  for (const cell of document.querySelectorAll("[data-key]")) {
    cells.set(cell.dataset.key, [...(cells.get(cell.dataset.key) || []), cell]);
  }
  const texts = new Map(); // of the power flow
  for (const text of document.querySelectorAll("[data-live]")) texts.set(text.dataset.live, text);
  const link = document.getElementById("link");
  const linkText = document.getElementById("link-text");
  const notGood = new Map(); // key -> entry, for ages that grow
  let isTicking = true;
  let heardAt = Date.now();
  let plantAt = 0;

  const set = (node, text) => {
    if (node && node.textContent !== text) node.textContent = text;
  };
  const two = (number) => String(number).padStart(2, "0");

  function age(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    for (const [length, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
    }
    return `${seconds} s`;
  }

  function uptime(seconds) {
    const minutes = Math.floor(seconds / 60);
    const days = Math.floor(minutes / 1440);
    return `${days} Days ${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`;
  }

  function when(iso) {
    return iso ? `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC` : DASH;
  }

  function say(cell, entry) {
    const { decimals, words } = cell.dataset;
    const value = entry.value;
    if (value === null) return "";
    if (typeof value === "boolean") return (words || "ON|OFF").split("|")[value ? 0 : 1];
    if (typeof value === "string") {
      const pair = (words || "").split("|").find((word) => word.startsWith(`${value}=`));
      return pair ? pair.slice(value.length + 1) : value;
    }
    if (entry.unit === "s") return uptime(value);
    const text = value.toFixed(Number(decimals));
    return Number(text) === 0 ? text.replace("-", "") : text;
  }

  function note(entry) {
    if (entry.quality === "missing" || !entry.at) return entry.quality;
    return `${entry.quality}, ${age(plantAt - Date.parse(entry.at))} old`;
  }

  function showText(key, entry) {
    if (entry.value === null) return set(texts.get(key), DASH);
    const number = entry.value.toFixed(2).replace(/^-(0\.00)$/, "$1");
    return set(texts.get(key), `${number} ${entry.unit}${entry.quality === "good" ? "" : ` ${entry.quality}`}`);
  }

  function show(key, entry) {
    if (texts.has(key)) showText(key, entry);
    for (const cell of cells.get(key) || []) {
      const text = say(cell, entry);
      const missing = cell.dataset.missing || "";
      const isGood = entry.quality === "good" || (entry.quality === "missing" && missing);
      set(cell.querySelector(".value"), text || missing || DASH);
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
    const box = document.getElementById("alarms");
    const list = document.createElement("ul");
    for (const alarm of alarms) {
      const state = (alarm.active ? "active" : "latched") + (alarm.acknowledged ? ", acknowledged" : "");
      const line = document.createElement("li");
      line.append(
        element("strong", alarm.text), " ",
        element("span", `${alarm.key}, ${state}, since ${when(alarm.since)}`, "note"),
      );
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
    if (box.textContent.replace(/\s+/g, " ").trim() === fresh.textContent.replace(/\s+/g, " ").trim()) return;
    box.replaceChildren(fresh);
    box.parentElement.className = `card alarms ${alarms.length ? "bad" : "good"}`;
  }

  function showCard(card) {
    document.getElementById("card").dataset.tone = card.tone;
    set(document.getElementById("card-title"), card.title);
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
    set(document.getElementById("flow-text"), flow.text);
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
      showLink();
    }
  }

  function apply(message) {
    heardAt = Date.now();
    plantAt = Date.parse(message.at);
    set(document.getElementById("at"), when(message.at));
    for (const [key, entry] of Object.entries(message.points)) show(key, entry);
    for (const [key, entry] of notGood) {
      for (const cell of cells.get(key) || []) set(cell.querySelector(".note"), note(entry));
    }
    if ("alarms" in message) showAlarms(message.alarms);
    if ("card" in message) showCard(message.card);
    if ("flow" in message) showFlow(message.flow);
    if ("is_ticking" in message) isTicking = message.is_ticking;
    showLink();
  }

  function showLink() {
    const silent = Date.now() - heardAt;
    const [state, text] = silent > LOST_MS
      ? ["lost", `No connection for ${age(silent)}`]
      : !isTicking ? ["lost", "The unit does not measure"]
        : silent > SLOW_MS ? ["slow", "Waiting for data"] : ["live", "Connected"];
    if (!link.classList.contains(state)) link.className = `link ${state}`;
    set(linkText, text);
  }

  async function poll() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/api/v1/state", { cache: "no-store" });
      if (answer.ok) apply(await answer.json());
    } catch {
      showLink();
    }
  }

  let source = null;
  let polling = 0;
  function listen() {
    source = new EventSource("/api/v1/stream");
    for (const name of ["state", "change"]) {
      source.addEventListener(name, (event) => apply(JSON.parse(event.data)));
    }
    source.onopen = () => {
      clearInterval(polling);
      polling = 0;
    };
    source.onerror = () => {
      // All places taken: the browser gives up, we ask now and then and try again later.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 30000);
      if (!polling) {
        polling = setInterval(poll, POLL_MS);
        poll();
      }
    };
  }

  listen();
  setInterval(showLink, 1000);
  setInterval(drawHours, 60000);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) listen();
  });
})();
