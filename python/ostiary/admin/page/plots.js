// Plots of the last minutes, as SVG. The legend tells the values under the cursor, which pointer and arrow keys move.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 52, right: 8, top: 8, bottom: 20 };

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// A round number at or above the highest value, so that the axis stands still while values wander.
function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

function path(points) {
  let text = "", open = false;
  for (const [x, y] of points) {
    if (y === null) { open = false; continue; }
    text += `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    open = true;
  }
  return text;
}

class Plot {
  // Options: title, unit (writes a value), stacked.
  constructor(parent, options) {
    this.options = options;
    this.cursor = null;
    this.legend = document.createElement("ul");
    this.legend.className = "legend";
    this.drawing = svg("svg", { role: "img", tabindex: "0" });
    const caption = document.createElement("figcaption");
    caption.textContent = options.title;
    const figure = document.createElement("figure");
    figure.append(caption, this.legend, this.drawing);
    parent.append(figure);
    this.drawing.addEventListener("pointermove", (event) => this.point(event));
    this.drawing.addEventListener("pointerleave", () => this.move(null));
    this.drawing.addEventListener("blur", () => this.move(null));
    this.drawing.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.drawing);
  }

  // series: name, values, color (c1 to c5); all as long as times.
  show(times, series) {
    this.times = times;
    this.series = series;
    this.draw();
  }

  point(event) {
    const box = this.drawing.getBoundingClientRect();
    const share = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    this.move(Math.round(share * (this.times.length - 1)));
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.move((this.cursor ?? this.times.length) + step);
  }

  move(cursor) {
    const last = (this.times?.length ?? 0) - 1;
    this.cursor = cursor === null || last < 0 ? null : Math.max(0, Math.min(last, cursor));
    this.draw();
  }

  draw() {
    const { width, height } = this.drawing.getBoundingClientRect();
    if (!width || !this.series) return;
    const tops = this.stack();
    const highest = Math.max(0, ...tops.flat().filter((value) => value !== null));
    const most = ceiling(highest);
    const across = width - MARGIN.left - MARGIN.right, down = height - MARGIN.top - MARGIN.bottom;
    const steps = Math.max(1, this.times.length - 1);
    const x = (at) => MARGIN.left + (at / steps) * across;
    const y = (value) => (value === null ? null : MARGIN.top + down * (1 - value / most));
    const nodes = this.axes(width, y, most, x, height);
    for (let at = this.series.length - 1; at >= 0; at--) nodes.push(this.shape(tops, at, x, y));
    if (this.cursor !== null) {
      const place = x(this.cursor);
      nodes.push(svg("line", { class: "cursor", x1: place, x2: place, y1: MARGIN.top, y2: height - MARGIN.bottom }));
    }
    this.drawing.replaceChildren(...nodes);
    this.tell(highest);
  }

  stack() {
    if (!this.options.stacked) return this.series.map((each) => each.values);
    const sums = this.times.map(() => 0);
    return this.series.map((each) => each.values.map((value, at) => (sums[at] += value ?? 0)));
  }

  axes(width, y, most, x, height) {
    const nodes = [];
    for (const share of [0, 0.5, 1]) {
      const place = y(most * share);
      nodes.push(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: place, y2: place }));
      nodes.push(svg("text", { x: MARGIN.left - 8, y: place + 4, "text-anchor": "end" }, this.options.unit(most * share)));
    }
    const last = this.times.length - 1;
    const marks = width > 420 ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1];
    for (const share of last > 0 ? marks : []) {
      const at = Math.round(last * share);
      const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
      nodes.push(svg("text", { x: x(at), y: height - 5, "text-anchor": anchor }, clock(this.times[at])));
    }
    return nodes;
  }

  shape(tops, at, x, y) {
    const line = tops[at].map((value, place) => [x(place), y(value)]);
    if (!this.options.stacked) return svg("path", { class: `line ${this.series[at].color}`, d: path(line) });
    const below = (at ? tops[at - 1] : this.times.map(() => 0)).map((value, place) => [x(place), y(value)]);
    const around = path([...line, ...below.reverse()]);
    return svg("path", { class: `area ${this.series[at].color}`, d: around && around + "Z" });
  }

  tell(highest) {
    const at = this.cursor ?? this.times.length - 1;
    const unit = this.options.unit;
    const items = this.series.map((each) => {
      const item = document.createElement("li"), mark = document.createElement("i"), value = document.createElement("b");
      mark.className = each.color;
      value.textContent = unit(each.values[at] ?? null);
      item.append(mark, `${each.name} `, value);
      return item;
    });
    if (this.cursor !== null) {
      const item = document.createElement("li");
      item.textContent = `at ${clock(this.times[at])}`;
      items.push(item);
    }
    this.legend.replaceChildren(...items);
    const words = this.series.map((each) => `${each.name} ${unit(each.values[at] ?? null)}`).join(", ");
    const when = this.cursor === null ? "now" : `at ${clock(this.times[at])}`;
    this.drawing.setAttribute("aria-label", `${this.options.title}, ${when}: ${words}. Highest: ${unit(highest)}.`);
  }
}

// A line without axes, for a tile.
function spark(drawing, values) {
  const most = ceiling(Math.max(0, ...values.filter((value) => value !== null)));
  const steps = Math.max(1, values.length - 1);
  const points = values.map((value, at) => [(at / steps) * 100, value === null ? null : 28 - (value / most) * 26]);
  drawing.replaceChildren(svg("path", { class: "line c1", "vector-effect": "non-scaling-stroke", d: path(points) }));
}

// A bar beside a number: how much of the most it is.
function bar(share) {
  const drawing = svg("svg", { viewBox: "0 0 70 10", "aria-hidden": "true" });
  drawing.append(svg("rect", { class: "bar c1", x: 0, y: 0, height: 10, rx: 2, width: Math.max(1, share * 70) }));
  return drawing;
}
