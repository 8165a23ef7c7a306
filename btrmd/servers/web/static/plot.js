/* Puts live plots in the place of the drawn ones: a cursor by mouse and keyboard, both themes. */
"use strict";
(() => {
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 5]];
  const BORDERS = ["solid", "dashed", "dotted", "double", "dashed", "dotted"]; // as the dashes, nearly
  const DAY = 86400;
  const STEPS = [
    1, 5, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY, 2 * DAY, 7 * DAY,
    14 * DAY, 30 * DAY, 60 * DAY, 91 * DAY, 182 * DAY, 365 * DAY,
  ];
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const HEIGHT = 230;
  const ROW = 14; // height of a line of words
  const REFRESH_MS = 60000;
  const place = document.querySelector("[data-plots]");
  if (!place || !window.uPlot) return;
  let made = [];
  let shown = null;

  const two = (number) => String(number).padStart(2, "0");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function elapsed(seconds, step) {
    const whole = Math.round(seconds);
    const text = `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}`;
    return step < 60 ? `${text}:${two(whole % 60)}` : text;
  }

  // The site's clock beside UTC's, as plot_ticks.py has it.
  const { zone, when } = window.btrmd || {};
  const written = zone && new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  const ahead = (at) => (zone ? Math.round((Date.parse(`${written.format(at * 1000).replace(" ", "T")}Z`) / 1000 - at) / 60) * 60 : 0);

  function clock(at, step) {
    const shown = at + ahead(at);
    const time = new Date(shown * 1000);
    const hours = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`;
    const month = MONTHS[time.getUTCMonth()];
    if (step < DAY && shown % DAY) return hours;
    return step < 91 * DAY ? `${two(time.getUTCDate())} ${month}` : `${month} ${time.getUTCFullYear()}`;
  }

  function offset(seconds) {
    const minutes = Math.round(Math.abs(seconds) / 60);
    const rest = minutes % 60 ? `:${two(minutes % 60)}` : "";
    return seconds ? `UTC${seconds > 0 ? "+" : "-"}${Math.floor(minutes / 60)}${rest}` : "UTC";
  }

  function beside(at, step) {
    return step < DAY ? new Date(at * 1000).toISOString().slice(11, 16) : offset(ahead(at));
  }

  const label = (at, step) => (zone ? `${clock(at, step)}\n${beside(at, step)}` : clock(at, step));

  // Places that are round on the site's clock, which jumps twice a year.
  function splits(plot, axis, from, to, step) {
    const places = [];
    for (let shown = Math.floor((from + ahead(from)) / step) * step; shown <= to + ahead(to) + step; shown += step) {
      const guess = shown - ahead(shown - ahead(from));
      const at = shown - ahead(guess);
      if (at >= from && at <= to && at + ahead(at) === shown) places.push(at);
    }
    return places;
  }

  const full = (at) => when(new Date(at * 1000).toISOString());

  // What the plot is to show beside its lines: cutoffs, an estimate and its interval.
  function drawMarks(plot, marks) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = `${12 * ratio}px system-ui, sans-serif`;
    ctx.lineWidth = 1.5 * ratio;
    const text = colour("--text");
    const places = wordPlaces(marks, plot);
    for (const [index, mark] of marks.entries()) {
      const x = mark.x === null ? null : plot.valToPos(mark.x, "x", true);
      const y = mark.y === null ? null : plot.valToPos(mark.y, "y", true);
      ctx.strokeStyle = colour("--soft");
      ctx.setLineDash([5 * ratio, 4 * ratio]);
      ctx.beginPath();
      if (x !== null && mark.x_to !== null) {
        ctx.globalAlpha = mark.kind ? 0.2 : 0.16;
        ctx.fillStyle = colour({ test: "--good", outage: "--bad" }[mark.kind] || "--warn");
        ctx.fillRect(x, bbox.top, plot.valToPos(mark.x_to, "x", true) - x, bbox.height);
        ctx.globalAlpha = 1;
        continue;
      }
      if (x !== null && y !== null) {
        ctx.setLineDash([]);
        ctx.strokeStyle = colour("--warn");
        ctx.lineWidth = 2.5 * ratio;
        ctx.arc(x, y, 5 * ratio, 0, 7);
      } else if (x !== null) {
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
      } else {
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
      }
      ctx.stroke();
      ctx.fillStyle = text;
      const isLate = x !== null && x > bbox.left + bbox.width / 2;
      ctx.textAlign = isLate ? "right" : "left";
      const at = x === null ? bbox.left + 6 * ratio : x + (isLate ? -7 : 7) * ratio;
      ctx.fillText(mark.label, at, bbox.top + places.get(index) * ratio);
    }
    ctx.restore();
  }

  // Where the words of each mark stand, px from the top, as plot.py has it: none through others.
  function wordPlaces(marks, plot) {
    const taken = [];
    const places = new Map();
    const isFree = (y) => taken.every((other) => Math.abs(other - y) >= ROW);
    const put = (index, y) => {
      places.set(index, y);
      taken.push(y);
    };
    const all = [...marks.entries()];
    const levels = all.filter(([, mark]) => mark.x === null).map(([index, mark]) => [plot.valToPos(mark.y, "y"), index]);
    for (const [top, index] of levels.sort((a, b) => a[0] - b[0])) put(index, isFree(top - 5) ? top - 5 : top + ROW);
    let row = ROW;
    for (const [index, mark] of all) {
      if (mark.x === null || mark.x_to !== null) continue;
      while (!isFree(row)) row += 1;
      put(index, row);
    }
    return places;
  }

  // The vertical axis holds the values and what is marked, and is never narrower than `least`.
  function range(part) {
    const levels = part.marks.map((mark) => mark.y).filter((y) => y !== null);
    return (_, low, high) => {
      const lowest = Math.min(low ?? Infinity, ...levels);
      const highest = Math.max(high ?? -Infinity, ...levels);
      if (!Number.isFinite(lowest + highest)) return [0, 1];
      const half = Math.max(highest - lowest, part.least) * 0.56;
      return [(lowest + highest) / 2 - half, (lowest + highest) / 2 + half];
    };
  }

  function options(part, width) {
    const say = shown.clock ? label : elapsed;
    const local = shown.clock && zone ? { splits, size: 48, space: 56 } : {};
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const number = (value) => (value === null || value === undefined ? "—" : `${value.toFixed(part.decimals).replace(/^-(?=[0.]*$)/, "")} ${part.unit}`);
    return {
      width,
      height: HEIGHT,
      scales: { x: { time: false, range: () => [shown.from, shown.to] }, y: { range: range(part) } },
      axes: [
        { ...axis, incrs: STEPS, space: 48, size: 34, ...local, values: (_, places, __, ___, step) => places.map((x) => say(x, step)) },
        { ...axis, size: 50 },
      ],
      legend: { live: true, markers: { width: 3, dash: (_, i) => BORDERS[(i - 1) % BORDERS.length] } },
      cursor: { drag: { x: false, y: false }, points: { size: 7 }, sync: { key: "btrmd" } }, // one for all plots
      series: [
        { label: shown.clock ? "Time" : "Elapsed", value: (_, x) => (x === null ? "—" : shown.clock ? full(x) : elapsed(x, 1)) },
        ...part.series.map((series, i) => ({
          label: series.label,
          stroke: colour(`--s${i % DASHES.length}`),
          dash: DASHES[i % DASHES.length],
          width: 1.8,
          spanGaps: false,
          points: { show: false },
          value: (_, y) => number(y),
        })),
      ],
      hooks: { draw: [(plot) => drawMarks(plot, part.marks)] },
    };
  }

  function byKeyboard(canvas, plot) {
    canvas.tabIndex = 0;
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
      const last = shown.x.length - 1;
      let index = plot.cursor.idx ?? last;
      if (step) index += step;
      else if (event.key === "Home") index = 0;
      else if (event.key === "End") index = last;
      else return;
      event.preventDefault();
      index = Math.min(Math.max(index, 0), last);
      plot.setCursor({ left: plot.valToPos(shown.x[index], "x"), top: plot.bbox.height / 2 / devicePixelRatio }, true, true);
    });
  }

  function draw() {
    for (const plot of made) plot.destroy();
    made = [];
    for (const part of shown.plots) {
      const figure = place.querySelector(`[data-plot="${part.name}"]`);
      const canvas = figure && figure.querySelector(".canvas");
      if (!canvas) continue;
      const plot = new uPlot(options(part, canvas.clientWidth), [shown.x, ...part.series.map((series) => series.y)], canvas);
      figure.classList.add("drawn");
      byKeyboard(canvas, plot);
      made.push(plot);
    }
  }

  async function load() {
    try {
      const answer = await fetch(place.dataset.plots, { headers: { "X-Refresh": "1" }, cache: "no-store" });
      if (!answer.ok) return;
      shown = await answer.json();
      draw();
      place.dataset.drawn = "true";
    } catch {
      // The drawn plots stay.
    }
  }

  load();
  if (place.dataset.fresh) setInterval(() => document.hidden || load(), REFRESH_MS);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && draw());
  let width = innerWidth;
  addEventListener("resize", () => {
    if (shown && innerWidth !== width) draw();
    width = innerWidth;
  });
})();
