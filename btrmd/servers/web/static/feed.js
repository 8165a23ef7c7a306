/* Keeps every page alive. As a shared worker: one stream for all tabs of the browser, else a question
   every 5 s. On the page: the verdict, the title, the icon, and the honest end of all that when
   nothing comes any more. Where there is no shared worker the page has the stream of its own. */
"use strict";
(() => {
  const POLL_MS = 5000;
  const AGAIN_MS = 30000;
  const SLOW_MS = 5000;
  const LOST_MS = 15000;

  /* The stream: calls `tell` with each message; `state` is all of it so far. */
  function follow(tell) {
    const state = { points: {} };
    let source = null;
    let polling = 0;

    function take(message) {
      Object.assign(state, message, { points: Object.assign(state.points, message.points) });
      tell(message);
    }
    async function poll() {
      try {
        const answer = await fetch("/api/v1/state", { cache: "no-store" });
        if (answer.ok) take(await answer.json());
      } catch {
        // No connection: the pages count for themselves since when.
      }
    }
    function listen() {
      if (source && source.readyState !== EventSource.CLOSED) return;
      source = new EventSource("/api/v1/stream");
      for (const name of ["state", "change"]) {
        source.addEventListener(name, (event) => take(JSON.parse(event.data)));
      }
      source.onopen = () => {
        clearInterval(polling);
        polling = 0;
      };
      source.onerror = () => {
        // All places taken: the browser gives up, we ask now and then and try again later.
        if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS);
        if (!polling) {
          polling = setInterval(poll, POLL_MS);
          poll();
        }
      };
    }
    listen();
    return { state, listen, close: () => source.close() };
  }

  if (typeof document === "undefined") {
    const ports = new Set();
    const feed = follow((message) => {
      for (const port of ports) port.postMessage(message);
    });
    onconnect = (event) => {
      const port = event.ports[0];
      port.onmessage = ({ data }) => {
        if (data === "bye") ports.delete(port);
        else if (data === "hello") {
          ports.add(port);
          feed.listen(); // somebody may have logged in since it was refused
          if (feed.state.at) port.postMessage(feed.state);
        }
      };
      port.start();
    };
    return;
  }

  const strip = document.getElementById("verdict");
  if (!strip) return;
  const icon = document.getElementById("icon");
  icon.dataset.tone = strip.dataset.tone; // the page came with this one
  const icons = {};
  for (const url of document.currentScript.dataset.icons.trim().split(" ")) {
    icons[/icon-(\w+)/.exec(url)[1]] = url;
  }
  const title = strip.dataset.title;
  const zone = document.body.dataset.zone;
  let heardAt = Date.now();
  let toldAt = ""; // the unit's own time of the last word
  let isTicking = true;
  let last = null; // the verdict in force
  let link = "";

  const set = (id, text) => {
    const node = document.getElementById(id);
    if (node && node.textContent !== text) node.textContent = text;
  };

  function local(iso, form) {
    const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
    const text = parts.format(new Date(iso));
    return form === "clock" ? text.slice(11, 16) : text;
  }

  /* A time in words, as the unit writes it. */
  function when(iso, form) {
    if (!iso) return "—";
    const utc = form === "clock" ? iso.slice(11, 16) : `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
    if (!zone) return `${utc} UTC`;
    const here = local(iso, form);
    const isSameDay = form !== "clock" && here.slice(0, 10) === utc.slice(0, 10);
    return `${here} local (${isSameDay ? iso.slice(11, 16) : utc} UTC)`;
  }

  function age(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    for (const [length, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
    }
    return `${seconds} s`;
  }

  function show(tone, headline, facts, todo, alarms, count, at) {
    if (strip.dataset.tone !== tone) strip.dataset.tone = tone;
    set("verdict-head", headline);
    set("verdict-facts", facts);
    set("verdict-todo", todo);
    set("verdict-alarms", alarms);
    set("verdict-at", at);
    document.getElementById("verdict-alarms").dataset.count = count;
    const head = (count ? `(${count}) ` : "") + title;
    if (document.title !== head) document.title = head;
    if (icons[tone] && icon.dataset.tone !== tone) {
      icon.dataset.tone = tone;
      icon.setAttribute("href", icons[tone]);
    }
  }

  function check() {
    const silent = Date.now() - heardAt;
    const next = silent > LOST_MS ? "lost" : !isTicking ? "still" : silent > SLOW_MS ? "slow" : "live";
    const isNew = next !== link;
    link = next;
    document.body.classList.toggle("lost", link === "lost" || link === "still");
    if (link === "lost") {
      const since = toldAt ? when(toldAt, "clock") : document.getElementById("verdict-at").textContent;
      show("unknown", `Unknown since ${since}`, `no data for ${age(silent)}; what is shown below was last known then`,
        "Check the connection to the unit.", "Alarms not known", 0, since);
    } else if (last) {
      show(last.tone, last.headline, last.facts, last.todo, last.alarms, last.alarm_count, last.at);
    }
    if (isNew || link !== "live") {
      document.dispatchEvent(new CustomEvent("btrmd-link", { detail: { link, silent, age: age(silent) } }));
    }
  }

  function take(message) {
    heardAt = Date.now();
    toldAt = message.at;
    if ("is_ticking" in message) isTicking = message.is_ticking;
    if (message.verdict) last = { ...message.verdict };
    if (last) last.at = when(message.at, "clock");
    document.dispatchEvent(new CustomEvent("btrmd-data", { detail: message }));
    check();
  }

  let close = () => {};
  function connect() {
    if (typeof SharedWorker === "undefined") {
      close = follow(take).close;
      return;
    }
    const worker = new SharedWorker(src, { name: "btrmd" });
    worker.onerror = () => {
      close = follow(take).close;
    };
    worker.port.onmessage = ({ data }) => take(data);
    worker.port.start();
    worker.port.postMessage("hello");
    close = () => worker.port.postMessage("bye");
  }
  const src = document.currentScript.src;
  window.btrmd = { when, age, zone };
  addEventListener("pagehide", () => close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) connect();
  });
  setInterval(check, 1000);
  // after the other scripts of the page have begun to listen
  if (document.readyState === "complete") connect();
  else addEventListener("DOMContentLoaded", connect);
})();
