// What the charts read at a step: the pointer over one of them, or the slider, moves through all of them.
"use strict";
document.documentElement.classList.add("scripted");
for (const element of document.querySelectorAll(".js, .scrub")) element.hidden = false;

const curves = document.getElementById("curves");
const newest = curves ? Number(curves.dataset.newest) : 1;
const slider = document.getElementById("scrub");
const charts = [...document.querySelectorAll("[data-chart]")].map((figure) => {
  const { percent, rows } = JSON.parse(figure.dataset.chart);
  const values = new Map([...figure.querySelectorAll("[data-row]")].map((place) => [place.dataset.row, place]));
  const usual = new Map([...values].map(([name, place]) => [name, place.textContent]));
  return { percent, rows, values, usual, area: figure.querySelector(".area"), cursor: figure.querySelector(".cursor"),
    at: figure.querySelector(".at"), figure };
});

function nearest(steps, step) {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle + 1; else high = middle;
  }
  return low > 0 && step - steps[low - 1] < steps[low] - step ? low - 1 : low;
}

function written(value, percent) {
  if (value === null) return "NaN";
  if (percent) return Math.round(value * 100) + " %";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return size && size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

function told(row, step, percent) {
  const place = nearest(row.steps, step);
  const range = row.low && row.values[place] !== null ? `${written(row.low[place])} to ${written(row.high[place])}` : "";
  return { value: written(row.values[place], percent), range };
}

function read(step) {
  const share = 100 * step / newest + "%";
  for (const chart of charts) {
    chart.cursor.setAttribute("x1", share);
    chart.cursor.setAttribute("x2", share);
    chart.cursor.setAttribute("visibility", "visible");
    const loose = [];
    for (const row of chart.rows) {
      if (!row.steps.length) continue;
      const { value, range } = told(row, step, chart.percent), place = chart.values.get(row.name);
      if (!place) loose.push(`${row.name} ${value}`);
      else [place.textContent, place.nextElementSibling.textContent] = [value, range];
    }
    chart.at.textContent = [`step ${step.toLocaleString("en")}`, ...loose].join(" · ");
  }
  document.getElementById("scrubbed").textContent = `step ${step.toLocaleString("en")}`;
  slider.value = step;
}

function leave() {
  for (const chart of charts) {
    chart.cursor.setAttribute("visibility", "hidden");
    for (const [name, place] of chart.values) {
      [place.textContent, place.nextElementSibling.textContent] = [chart.usual.get(name), ""];
    }
    chart.at.textContent = "";
  }
  document.getElementById("scrubbed").textContent = "";
}

if (slider) {
  for (const chart of charts) {
    const move = (event) => {
      const box = chart.area.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      read(Math.round(share * newest));
    };
    chart.area.addEventListener("pointermove", move);
    chart.area.addEventListener("pointerdown", move);
    chart.area.addEventListener("pointerleave", leave);
  }
  slider.addEventListener("input", () => read(Number(slider.value)));
  slider.addEventListener("blur", leave);
}

addEventListener("beforeprint", () => { for (const fold of document.querySelectorAll("details")) fold.open = true; });
