/* Scores as bars, the result of every task that rates things. */

import { el, icon } from "./dom.js";

/* A full bar: 1 for probabilities and cosines, else the largest magnitude. */
function fullScale(items) {
    return Math.max(1, ...items.map((item) => Math.abs(item.score)));
}

function bar({ label, score }, scale, best) {
    const fill = el("div", { class: score < 0 ? "bar-fill negative" : "bar-fill" });
    requestAnimationFrame(() =>
        requestAnimationFrame(() => {
            fill.style.width = (100 * Math.abs(score)) / scale + "%";
        }),
    );
    return el(
        "li",
        { class: best ? "bar best" : "bar", data: { score: String(score) } },
        el("span", { class: "bar-label", title: label }, label),
        el("span", { class: "bar-score", title: String(score) }, score.toFixed(3)),
        el("div", { class: "bar-track", "aria-hidden": "true" }, fill),
    );
}

/* items: [{label, score}] in the order of the reply. sortable: the reply's order has a meaning of
 * its own, so a button switches between it and the order of scores. */
export function bars(items, { sortable }) {
    const list = el("ol", { class: "bars", "aria-label": "Scores" });
    const best = Math.max(...items.map((item) => item.score));

    function draw(sorted) {
        const shown = sorted ? [...items].sort((a, b) => b.score - a.score) : items;
        list.replaceChildren(
            ...shown.map((item) => bar(item, fullScale(items), item.score === best)),
        );
    }
    draw(false);
    if (!sortable || items.length < 2) return list;
    const button = el(
        "button",
        { type: "button", class: "button quiet small sort-button", "aria-pressed": "false" },
        icon("sort"),
        "Sort by score",
    );
    button.addEventListener("click", () => {
        const sorted = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(sorted));
        draw(sorted);
    });
    return el("div", {}, button, list);
}
