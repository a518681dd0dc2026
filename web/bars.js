/* Scores as bars, the result of every task that rates things. */

import { el, icon } from "./dom.js";
import { score as scoreText } from "./format.js";

const MOST_SHOWN = 20;

let groups = 0; // of radio buttons

/* A full bar: 1 for probabilities and cosines, else the largest magnitude. */
function fullScale(items) {
    return Math.max(1, ...items.map((item) => Math.abs(item.score)));
}

/* The bar of one score, which grows to its length. */
export function track(score, scale = 1) {
    const fill = el("div", { class: score < 0 ? "bar-fill negative" : "bar-fill" });
    requestAnimationFrame(() =>
        requestAnimationFrame(() => {
            fill.style.width = (100 * Math.abs(score)) / scale + "%";
        }),
    );
    return el("div", { class: "bar-track", "aria-hidden": "true" }, fill);
}

function bar(item, tag, { scale, best, radio = null }) {
    return el(
        tag,
        { class: item.score === best ? "bar best" : "bar", data: { score: String(item.score) } },
        radio,
        el("span", { class: "bar-label", title: item.label }, item.label),
        el("span", { class: "bar-score", title: String(item.score) }, scoreText(item.score)),
        track(item.score, scale),
    );
}

function choosable(item, group, checked, choose, looks) {
    const radio = el("input", { type: "radio", class: "visually-hidden", name: group, checked });
    radio.addEventListener("change", () => choose(item));
    return el("li", {}, bar(item, "label", { ...looks, radio }));
}

/* items: [{label, score}] in the order of the reply. title: what they are, for screen readers.
 * sortable: the reply's order has a meaning of its own, so a button switches between it and the
 * order of scores. choose(item): people can choose one; the best is chosen at first, without a
 * call. */
export function bars(items, { title = "Scores", sortable = false, choose = null }) {
    const list = el("ol", { class: choose ? "bars choices" : "bars", "aria-label": title });
    const looks = { scale: fullScale(items), best: Math.max(...items.map((item) => item.score)) };
    const group = "bars-" + ++groups;
    let chosen = items.find((item) => item.score === looks.best);
    let most = MOST_SHOWN;
    let sorted = false;

    function pick(item) {
        chosen = item;
        choose(item);
    }

    function draw() {
        const order = sorted ? [...items].sort((a, b) => b.score - a.score) : items;
        const shown = order.slice(0, most);
        list.replaceChildren(
            ...shown.map((item) =>
                choose
                    ? choosable(item, group, item === chosen, pick, looks)
                    : bar(item, "li", looks),
            ),
        );
    }
    draw();
    return el(
        "div",
        { class: "bars-block" },
        sortable && items.length > 1 ? sortButton() : null,
        list,
        items.length > most ? moreButton() : null,
    );

    function sortButton() {
        const button = el(
            "button",
            { type: "button", class: "button quiet small sort-button", "aria-pressed": "false" },
            icon("sort"),
            "Sort by score",
        );
        button.addEventListener("click", () => {
            sorted = !sorted;
            button.setAttribute("aria-pressed", String(sorted));
            draw();
        });
        return button;
    }

    function moreButton() {
        const button = el(
            "button",
            { type: "button", class: "button quiet small" },
            "Show all " + items.length,
        );
        button.addEventListener("click", () => {
            most = items.length;
            draw();
            button.remove();
        });
        return button;
    }
}
