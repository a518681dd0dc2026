/* A table with some of its cells marked. */

import { el } from "./dom.js";
import { linesOf } from "./table.js";

/* table: see table.js; places: [row, column] of each marked cell, from 0. */
export function markedTable(table, places, label) {
    const [names, ...rows] = linesOf(table);
    const marked = new Set(places.map(([y, x]) => y + "," + x));
    const cell = (text, y, x) =>
        marked.has(y + "," + x)
            ? el("td", { class: "marked" }, el("mark", {}, text))
            : el("td", {}, text);
    const node = el(
        "div",
        { class: "marked-table", tabindex: 0, role: "region", "aria-label": label },
        el(
            "table",
            {},
            el(
                "thead",
                {},
                el(
                    "tr",
                    {},
                    names.map((name) => el("th", { scope: "col" }, name)),
                ),
            ),
            el(
                "tbody",
                {},
                rows.map((row, y) =>
                    el(
                        "tr",
                        {},
                        row.map((text, x) => cell(text, y, x)),
                    ),
                ),
            ),
        ),
    );
    requestAnimationFrame(() => {
        const first = node.querySelector("mark")?.parentElement;
        if (!first) return;
        node.scrollTop = first.offsetTop - 60; // below the names, once it has a height to scroll in
        node.scrollLeft = first.offsetLeft - 60;
    });
    return node;
}
