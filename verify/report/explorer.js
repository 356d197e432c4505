(function () {
  const MOST = { width: 1000000, depth: 10000 };
  const SCALES = {
    rate: { low: -8, high: 1, title: "learning rate" },
    update: { low: -1, high: 16, title: "E[(Δz)²]/η²" },
  };
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const depths = wholeNumbers(MOST.depth, 48);
  const steps = { width: wholeNumbers(MOST.width, 24), depth: wholeNumbers(MOST.depth, 24) };
  const chosen = firstChoice({ width: 1024, depth: 16 });
  const named = (id) => document.getElementById(id);

  // Whole numbers from 1 to most, so many a decade, each once.
  function wholeNumbers(most, each) {
    const count = Math.round(Math.log10(most) * each);
    const all = Array.from({ length: count + 1 }, (_, k) => Math.round(10 ** (k / each)));
    return [...new Set(all)];
  }

  // The measured network nearest to a usual one, or that one.
  function firstChoice(usual) {
    const far = (each) => Math.abs(Math.log(each.width / usual.width)) + Math.abs(Math.log(each.depth / usual.depth));
    const near = page.marks
      .filter((each) => each.width <= MOST.width && each.depth <= MOST.depth)
      .sort((one, two) => far(one) - far(two))[0];
    return near ? { width: near.width, depth: near.depth } : usual;
  }

  const grouped = (value) => value.toLocaleString("en");

  // exp(log) in so many significant digits, also where a double cannot hold it.
  function decimal(log, digits) {
    let exponent = Math.floor(log / Math.LN10);
    let mantissa = Math.exp(log - exponent * Math.LN10).toFixed(digits - 1);
    if (mantissa.startsWith("10")) {
      exponent += 1;
      mantissa = (1).toFixed(digits - 1);
    }
    if (exponent < -5 || exponent > 8) return `${mantissa}e${exponent}`;
    return Math.exp(log).toFixed(Math.max(0, digits - 1 - exponent));
  }

  const lawError = (n, L) => Math.expm1(mupDepth.law(n, L) - mupDepth.rate(n, L));
  const holds = (n, L) => Math.abs(lawError(n, L)) <= page.tolerance;

  // First and last depth at which the law holds, or null: as theory.rates.validity searches.
  function validDepths(n) {
    const grid = [];
    for (let L = 1; L <= 4 * n + 64; L = L < 64 ? L + 1 : Math.max(L + 1, Math.floor(L * 1.02))) {
      grid.push(L);
    }
    const good = grid.map((L) => holds(n, L));
    const first = good.indexOf(true);
    if (first < 0) return null;
    const last = good.lastIndexOf(true);
    let [low, high] = [grid[last], grid[last + 1]];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (holds(n, middle)) low = middle;
      else high = middle;
    }
    return [grid[first], low];
  }

  function element(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const raised = (power) => "10" + String(power).replace(/[-\d]/g, (d) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(d)]);

  function draw(valid) {
    const svg = named("curve");
    const quantity = document.querySelector("input[name=quantity]:checked").value;
    const { low, high, title } = SCALES[quantity];
    const width = Math.max(160, svg.clientWidth);
    const height = svg.clientHeight;
    const box = { left: 54, right: width - 16, top: 26, bottom: height - 44 };
    const x = (L) => box.left + (Math.log10(L) / Math.log10(MOST.depth)) * (box.right - box.left);
    const y = (log) => box.bottom - ((log / Math.LN10 - low) / (high - low)) * (box.bottom - box.top);
    const ofRate = (log) => (quantity === "rate" ? log : -2 * log);
    const line = (f) => depths.map((L, k) => `${k ? "L" : "M"}${x(L).toFixed(1)} ${Math.max(-9999, Math.min(9999, y(ofRate(f(chosen.width, L))))).toFixed(1)}`).join("");
    const parts = [];
    const add = (...args) => parts.push(element(...args));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);

    const clip = element("clipPath", { id: "curve-clip" });
    clip.append(element("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }));
    parts.push(clip);
    if (valid) {
      const start = x(valid[0]);
      const end = x(Math.min(valid[1], MOST.depth));
      add("rect", { class: "band", x: start, y: box.top, width: Math.max(3, end - start), height: box.bottom - box.top });
    }
    for (let L = 1; L <= MOST.depth; L *= 10) {
      add("line", { class: "grid", x1: x(L), x2: x(L), y1: box.top, y2: box.bottom });
      add("text", { x: x(L), y: box.bottom + 18, "text-anchor": L === MOST.depth ? "end" : "middle" }, grouped(L));
    }
    const stride = high - low > 10 ? 4 : 2;
    for (let power = Math.ceil(low / stride) * stride; power <= high; power += stride) {
      const at = y(power * Math.LN10);
      add("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at });
      add("text", { x: box.left - 8, y: at + 4, "text-anchor": "end" }, raised(power));
    }
    add("path", { class: "axis", d: `M${box.left} ${box.top}V${box.bottom}H${box.right}` });
    add("text", { class: "quiet", x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" }, "depth L");
    add("text", { class: "quiet", x: 4, y: 14 }, title);
    const inside = { "clip-path": "url(#curve-clip)" };
    add("path", { class: "law", d: line(mupDepth.law), ...inside });
    add("path", { class: "exact", d: line(mupDepth.rate), ...inside });
    const here = ofRate(mupDepth.rate(chosen.width, chosen.depth));
    const level = Math.max(box.top, Math.min(box.bottom, y(here)));
    add("line", { class: "here", x1: x(chosen.depth), x2: x(chosen.depth), y1: box.top, y2: box.bottom });
    if (level === y(here)) add("circle", { class: "point", cx: x(chosen.depth), cy: level, r: 9 });
    else {
      const [tip, base] = level === box.top ? [level + 2, level + 14] : [level - 2, level - 14];
      add("path", { class: "point", d: `M${x(chosen.depth)} ${tip}l-7 ${base - tip}h14z` });
    }
    const marks = page.marks.filter((each) => each.width === chosen.width);
    const absent = { "valid-range": !valid, undecided: marks.every((each) => each.decides) };
    for (const [id, hidden] of Object.entries(absent)) {
      for (const entry of document.querySelectorAll(`#${id}`)) entry.hidden = hidden;
    }
    for (const mark of marks) {
      const kind = mark.decides ? "mark" : "mark shown";
      const shape = { class: kind, cx: x(mark.depth), cy: y(ofRate(-mark.log / 2)), r: 4.5, ...inside };
      add("circle", shape);
    }
    svg.replaceChildren(...parts);
  }

  function say(valid) {
    const { width: n, depth: L } = chosen;
    const set = (id, text) => { named(id).textContent = text; };
    const error = lawError(n, L);
    const rare = L > page.rare * n;
    const measured = page.marks.find((each) => each.width === n && each.depth === L && each.median > 0);
    const typical = measured ? decimal(-Math.log(measured.median) / 2, 4) : "not measured";
    set("named-rate", rare ? "rate of a typical network" : "rate to use");
    set("out-rate", rare ? typical : decimal(mupDepth.rate(n, L), 12));
    set("out-mean", decimal(mupDepth.rate(n, L), 12));
    set("out-law", decimal(mupDepth.law(n, L), 12));
    set("out-ratio", decimal(mupDepth.law(n, L) - mupDepth.rate(n, L), 4));
    for (const part of ["label", "output", "total"]) set(`out-${part}`, decimal(mupDepth[part](n, L), 12));
    const within = `${100 * page.tolerance}\u202f%`;
    const where = valid
      ? `At width ${grouped(n)} the law is within ${within} of the exact rate from depth ${grouped(valid[0])} to ${grouped(valid[1])}`
      : `At width ${grouped(n)} the law is within ${within} of the exact rate at no depth`;
    const here = Math.abs(error) <= page.tolerance ? "here it holds" : `here its rate is too ${error > 0 ? "large" : "small"}`;
    const call = `verify.typical_learning_rate(MLP(${n}, ${L}), samples=20_000, seed=1)`;
    const use = rare
      ? `rare networks set the mean and its rate here; ${measured ? `a typical network tolerates ${typical} (linearised step)` : `${call} measures the rate of a typical network`}`
      : `use ${decimal(mupDepth.rate(n, L), 4)}`;
    set("status", `Width ${grouped(n)}, depth ${grouped(L)}: ${use}. ${where}; ${here}.`);
    named("curve").setAttribute("aria-label", `Exact curve and law over depth at width ${grouped(n)}; depth ${grouped(L)} is marked.`);
  }

  function show() {
    const valid = validDepths(chosen.width);
    draw(valid);
    say(valid);
  }

  function choose(name, value, origin) {
    chosen[name] = value;
    const slider = named(`${name}-slider`);
    const near = steps[name].reduce((best, each, k) => Math.abs(Math.log(each / value)) < Math.abs(Math.log(steps[name][best] / value)) ? k : best, 0);
    if (origin !== slider) slider.value = near;
    slider.setAttribute("aria-valuetext", grouped(value));
    const field = named(`${name}-number`);
    if (origin !== field) field.value = value;
    field.setAttribute("aria-invalid", "false");
    named(`${name}-problem`).textContent = "";
    show();
  }

  function read(name, field) {
    const value = Number(field.value);
    if (field.value !== "" && Number.isInteger(value) && value >= 1 && value <= MOST[name]) {
      choose(name, value, field);
      return;
    }
    field.setAttribute("aria-invalid", "true");
    named(`${name}-problem`).textContent = `A ${name} is a whole number from 1 to ${grouped(MOST[name])}; the figure shows ${grouped(chosen[name])}.`;
  }

  for (const name of ["width", "depth"]) {
    const slider = named(`${name}-slider`);
    const field = named(`${name}-number`);
    slider.max = steps[name].length - 1;
    field.max = MOST[name];
    slider.addEventListener("input", () => choose(name, steps[name][Number(slider.value)], slider));
    field.addEventListener("input", () => read(name, field));
  }
  document.querySelectorAll("input[name=quantity]").forEach((each) => each.addEventListener("change", show));
  named("curve").addEventListener("click", (event) => {
    const box = named("curve").getBoundingClientRect();
    const part = (event.clientX - box.left - 54) / (box.width - 70);
    choose("depth", Math.round(MOST.depth ** Math.max(0, Math.min(1, part))));
  });
  named("explorer").hidden = false;
  choose("width", chosen.width);
  choose("depth", chosen.depth);
  new ResizeObserver(show).observe(named("curve"));
})();
