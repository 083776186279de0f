// How numbers, times and octets are written for people.

const NONE = "\u2013";
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

// Three digits are what an eye takes in: 0.25, 8.4, 812, 12.3 k.
function short(value) {
  if (value === null || value === undefined) return NONE;
  for (const [factor, unit] of [[1e12, " T"], [1e9, " G"], [1e6, " M"], [1e4, " k"]]) {
    if (value >= factor) return digits(value / (unit === " k" ? 1e3 : factor)) + unit;
  }
  return digits(value);
}

function digits(value) {
  if (value >= 100 || Number.isInteger(value)) return WHOLE.format(value);
  return value.toFixed(value >= 10 ? 1 : value >= 0.01 ? 2 : 3).replace(/\.?0+$/, "");
}

function seconds(value) {
  if (value === null || value === undefined) return NONE;
  if (value === 0) return "0";
  if (value < 1e-3) return digits(value * 1e6) + " \u00b5s";
  if (value < 1) return digits(value * 1e3) + " ms";
  return digits(value) + " s";
}

function octets(value) {
  for (const [factor, unit] of [[2 ** 30, " GiB"], [2 ** 20, " MiB"], [2 ** 10, " KiB"]]) {
    if (value >= factor) return digits(value / factor) + unit;
  }
  return value === null || value === undefined ? NONE : digits(Math.round(value)) + " B";
}

function traffic(value) {
  const told = short(value);
  return told === NONE ? told : told + (/[a-zA-Z]$/.test(told) ? "B" : " B");
}

function duration(value) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const at = units.findIndex(([factor]) => value >= factor);
  if (at < 0) return "0 s";
  const [factor, unit] = units[at];
  const first = Math.floor(value / factor);
  const rest = at + 1 < units.length && first < 10 ? Math.floor((value % factor) / units[at + 1][0]) : 0;
  return `${first} ${unit}` + (rest ? ` ${rest} ${units[at + 1][1]}` : "");
}

function clock(time) {
  return new Date(time * 1000).toLocaleTimeString([], { hour12: false });
}
