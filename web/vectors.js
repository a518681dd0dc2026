/* Vectors as people can look at them: shape, a map of the numbers, the numbers. */

import { el } from "./dom.js";

const WRAP = 64; // numbers in a row of the map when there is one vector
const MOST_CELLS = 1024; // numbers listed; the JSON view has them all
const MOST_ROWS = 512; // rows drawn

/* [[[1, 2]]] -> [1, 1, 2] */
export function shapeOf(output) {
    const shape = [];
    for (let at = output; Array.isArray(at); at = at[0]) shape.push(at.length);
    return shape;
}

/* The innermost arrays, whatever the nesting. */
function rowsOf(output) {
    if (!Array.isArray(output[0])) return [output];
    return output.flatMap(rowsOf);
}

function statistics(numbers) {
    let low = Infinity,
        high = -Infinity,
        squares = 0;
    for (const x of numbers) {
        low = Math.min(low, x);
        high = Math.max(high, x);
        squares += x * x;
    }
    return { low, high, norm: Math.sqrt(squares) };
}

/* Teal above zero, orange below, stronger with magnitude: readable on a light and a dark page. */
function colour(x, largest) {
    const strength = largest === 0 ? 0 : Math.abs(x) / largest;
    return (
        (x < 0 ? "rgb(232 121 49 / " : "rgb(20 160 145 / ") +
        (0.06 + 0.94 * strength).toFixed(3) +
        ")"
    );
}

function drawMap(canvas, rows, columns, largest) {
    const scale = Math.max(1, Math.round(768 / columns));
    canvas.width = columns * scale;
    canvas.height = rows.length * scale;
    const pen = canvas.getContext("2d");
    const gap = scale > 6 ? 1 : 0;
    rows.forEach((row, y) =>
        row.forEach((x, i) => {
            pen.fillStyle = colour(x, largest);
            pen.fillRect(i * scale, y * scale, scale - gap, scale - gap);
        }),
    );
}

/* The map of one vector is wrapped; several vectors are a row each. */
function heatMap(vectors, { low, high }) {
    const single = vectors.length === 1;
    const flat = vectors[0];
    const rows = single
        ? Array.from({ length: Math.ceil(flat.length / WRAP) }, (_, i) =>
              flat.slice(i * WRAP, (i + 1) * WRAP),
          )
        : vectors.slice(0, MOST_ROWS);
    const columns = single ? Math.min(WRAP, flat.length) : flat.length;
    const label = "Map of the numbers, from " + low.toFixed(3) + " to " + high.toFixed(3);
    const canvas = el("canvas", { class: "heat", role: "img", "aria-label": label });
    const readout = el("p", { class: "hint heat-readout" }, "Teal is above zero, orange below.");
    drawMap(canvas, rows, columns, Math.max(Math.abs(low), Math.abs(high)));
    canvas.addEventListener("pointermove", (event) => {
        const y = Math.floor((event.offsetY / canvas.clientHeight) * rows.length);
        const x = Math.floor((event.offsetX / canvas.clientWidth) * columns);
        const value = rows[y]?.[x];
        if (value !== undefined)
            readout.textContent =
                (single ? "number " + (y * WRAP + x) : "row " + y + ", number " + x) + ": " + value;
    });
    return el("div", {}, canvas, readout);
}

function numberTable(vector) {
    const cells = vector
        .slice(0, MOST_CELLS)
        .map((x) => el("li", { class: x < 0 ? "negative" : "" }, x.toFixed(4)));
    const more =
        vector.length > MOST_CELLS
            ? el(
                  "p",
                  { class: "hint" },
                  "The first " +
                      MOST_CELLS +
                      " of " +
                      vector.length +
                      "; all are in the JSON view.",
              )
            : null;
    return el(
        "details",
        { class: "numbers" },
        el("summary", {}, "Numbers of the first vector"),
        el("ol", { class: "number-cells", start: 0 }, cells),
        more,
    );
}

/* output: numbers, nested as deep as the task says. */
export function vectorsView(output) {
    const vectors = rowsOf(output);
    const found = statistics(vectors[0]);
    const facts = [
        ["Shape", shapeOf(output).join(" × ")],
        ["Length (L2)", found.norm.toFixed(4)],
        ["Lowest", found.low.toFixed(4)],
        ["Highest", found.high.toFixed(4)],
    ];
    return el(
        "div",
        { class: "vectors" },
        el(
            "dl",
            { class: "facts" },
            facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
        ),
        heatMap(vectors, found),
        numberTable(vectors[0]),
    );
}
